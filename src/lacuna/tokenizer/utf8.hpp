// UTF-8: validation, decoding and repair.
//
// Valid means the Unicode definition: no overlong forms, no surrogates, nothing above U+10FFFF.
// Threads  all functions are pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lacuna {

// Byte offset of the first ill-formed sequence; nothing when the text is valid.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

// Length in bytes of the sequence that starts with `lead`, in valid text.
inline std::size_t utf8_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

inline bool is_utf8_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// The code point at `position` of valid text; moves `position` behind it.
char32_t next_code_point(std::string_view text, std::size_t& position);

void append_utf8(std::string& out, char32_t code_point);

// What a prefix of a byte stream turns into: the length of the longest prefix that no later byte can change.
std::size_t complete_utf8_prefix(std::string_view bytes);

// Appends `bytes`, each maximal ill-formed part replaced by U+FFFD (Unicode 15, section 3.9, "substitution of maximal
// subparts").
void append_utf8_lossy(std::string& out, std::string_view bytes);

}  // namespace lacuna
