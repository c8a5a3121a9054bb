// Where the set bits of a byte are: for the vector units that have no compress instruction.
#pragma once

#include <array>
#include <cstdint>

namespace lacuna::kernels {

// kOnesOf[m]: the places of the ones of m, in order; the rest is 0.
inline constexpr auto kOnesOf = [] {
  std::array<std::array<std::uint8_t, 8>, 256> table{};
  for (unsigned mask = 0; mask < 256; ++mask) {
    std::size_t n = 0;
    for (std::uint8_t bit = 0; bit < 8; ++bit) {
      if ((mask >> bit & 1U) != 0) table[mask][n++] = bit;
    }
  }
  return table;
}();

// The same as byte indices of 16-bit elements; the rest is 0.
inline constexpr auto kCompressBytes16 = [] {
  std::array<std::array<std::uint8_t, 16>, 256> table{};
  for (unsigned mask = 0; mask < 256; ++mask) {
    std::size_t n = 0;
    for (unsigned bit = 0; bit < 8; ++bit) {
      if ((mask >> bit & 1U) == 0) continue;
      table[mask][n++] = static_cast<std::uint8_t>(2 * bit);
      table[mask][n++] = static_cast<std::uint8_t>(2 * bit + 1);
    }
  }
  return table;
}();

}  // namespace lacuna::kernels
