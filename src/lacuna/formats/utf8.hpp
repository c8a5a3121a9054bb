// Well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing beyond U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace lacuna {

std::size_t utf8_sequence(std::string_view text);  // bytes of the sequence that starts `text`; 0 when there is none
bool is_utf8(std::string_view text);

}  // namespace lacuna
