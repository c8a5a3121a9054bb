// Where the set bits of a byte find their values: for the vector units that have no expand instruction.
#pragma once

#include <array>
#include <cstdint>

namespace lacuna::kernels {

inline constexpr std::uint8_t kNoValue = 0x80;  // a byte shuffle writes zero for it

// expand_index[m][i]: how many bits of m lie below bit i, or kNoValue where bit i is clear.
inline constexpr auto kExpandIndex = [] {
  std::array<std::array<std::uint8_t, 8>, 256> table{};
  for (unsigned mask = 0; mask < 256; ++mask) {
    std::uint8_t next = 0;
    for (unsigned bit = 0; bit < 8; ++bit) table[mask][bit] = (mask >> bit & 1U) != 0 ? next++ : kNoValue;
  }
  return table;
}();

// The same as byte indices of 16-bit elements.
inline constexpr auto kExpandBytes16 = [] {
  std::array<std::array<std::uint8_t, 16>, 256> table{};
  for (unsigned mask = 0; mask < 256; ++mask) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const unsigned index = kExpandIndex[mask][bit];
      table[mask][2 * bit] = static_cast<std::uint8_t>(index == kNoValue ? kNoValue : 2 * index);
      table[mask][2 * bit + 1] = static_cast<std::uint8_t>(index == kNoValue ? kNoValue : 2 * index + 1);
    }
  }
  return table;
}();

}  // namespace lacuna::kernels
