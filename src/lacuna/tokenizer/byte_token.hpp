// Tokens that stand for one byte: <0x00> to <0xFF>.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lacuna {

// The byte that `token` names. Exactly six characters with two hexadecimal digits; like the reference, and only there,
// a plus sign may stand for the first digit. Everything else — <0x-1>, <0xA>, <0x100> — is an ordinary token.
std::optional<std::uint8_t> parse_byte_token(std::string_view token);

}  // namespace lacuna
