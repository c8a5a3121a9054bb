// Text from strangers, made safe for the place where it is written.
//
// Names of tensors, files and models come from files that anybody may have made. Every one passes through here before
// it reaches HTML, SVG or a script element.
//
// clean_utf8        valid UTF-8: each byte that is none, control characters and bidirectional overrides (which reorder
//                   what a reader sees) become U+FFFD; tab and newline stay.
// escape_html       clean_utf8, then & < > " ' as character references: safe in text and in quoted attributes, of HTML
//                   and of XML.
// json_for_script   JSON that cannot end the <script> it stands in: every < becomes \u003c.
// script_for_inline JavaScript that cannot end the <script> it stands in: </script becomes <\/script, <!-- becomes
// <\!--.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace lacuna {

std::string clean_utf8(std::string_view text);
std::string escape_html(std::string_view text);
std::string json_for_script(std::string_view json);
std::string script_for_inline(std::string_view script);
std::string base64(std::span<const std::byte> bytes);
inline std::string base64(std::string_view bytes) {
  return base64(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

}  // namespace lacuna
