// The alphabet of byte-level BPE: each of the 256 bytes written as one printable character.
//
// Bytes that are printable in Latin-1 (! to ~, ¡ to ¬, ® to ÿ) stand for themselves; the other 68 become U+0100 and up,
// in order. A space is therefore Ġ (U+0120). Source: the GPT-2 encoder.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace lacuna {

// The character of each byte.
const std::array<char32_t, 256>& byte_alphabet();

// Appends each byte of `text` as its character.
void append_as_byte_characters(std::string& out, std::string_view text);

// The bytes that `token` spells; nothing when it holds a character outside the alphabet.
std::optional<std::string> bytes_of_characters(std::string_view token);

}  // namespace lacuna
