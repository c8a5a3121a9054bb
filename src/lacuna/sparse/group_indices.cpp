#include "lacuna/sparse/group_indices.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace lacuna {
namespace {

// A group's field of a little-endian bit string; fields of 2 to 16 bits start at multiples of their width.
unsigned read_bits(std::span<const std::uint8_t> bytes, std::int64_t bit, int count) {
  unsigned value = 0;
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(bit + i);
    value |= (bytes[at / 8] >> (at % 8) & 1U) << i;
  }
  return value;
}

void set_bits(std::span<std::uint8_t> bytes, std::int64_t bit, int count, unsigned value) {
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(bit + i);
    bytes[at / 8] = static_cast<std::uint8_t>(bytes[at / 8] | (value >> i & 1U) << (at % 8));
  }
}

// 2 of 4: a byte of indices is two groups, as is a byte of bitmap. 0 marks bytes whose indices do not rise.
constexpr auto kTwoOfFour = [] {
  std::array<std::uint8_t, 256> table{};
  const auto nibble = [](unsigned indices) {
    const unsigned first = indices & 3U;
    const unsigned second = indices >> 2U;
    return first < second ? 1U << first | 1U << second : 0U;
  };
  for (unsigned byte = 0; byte < 256; ++byte) {
    const unsigned low = nibble(byte & 15U);
    const unsigned high = nibble(byte >> 4U);
    table[byte] = static_cast<std::uint8_t>(low != 0 && high != 0 ? low | high << 4U : 0U);
  }
  return table;
}();

bool padding_is_zero(const PackedLayout& layout, std::int64_t groups, std::span<const std::uint8_t> indices) {
  const std::int64_t used = groups * layout.kept * layout.index_bits();
  return used % 8 == 0 || indices.back() >> (used % 8) == 0;
}

}  // namespace

void encode_group_row(const PackedLayout& layout, std::int64_t cols, std::span<std::uint8_t> bitmap,
                      std::span<std::uint8_t> indices) {
  std::fill(indices.begin(), indices.end(), std::uint8_t{0});
  const int width = layout.index_bits();
  std::int64_t at = 0;
  for (std::int64_t first = 0; first < cols; first += layout.group) {
    unsigned field = read_bits(bitmap, first, layout.group);
    for (int place = 0; std::popcount(field) < layout.kept; ++place) field |= 1U << place;
    set_bits(bitmap, first, layout.group, field);
    for (int k = 0; k < layout.kept; ++k, field &= field - 1, at += width) {
      set_bits(indices, at, width, static_cast<unsigned>(std::countr_zero(field)));
    }
  }
}

bool decode_group_row(const PackedLayout& layout, std::int64_t cols, std::span<const std::uint8_t> indices,
                      std::span<std::uint8_t> bitmap) {
  std::fill(bitmap.begin(), bitmap.end(), std::uint8_t{0});
  std::int64_t group = 0;
  bool rising = true;
  if (layout.kept == 2 && layout.group == 4) {
    for (; group + 2 <= cols / 4; group += 2) {
      const auto byte = static_cast<std::size_t>(group / 2);
      bitmap[byte] = kTwoOfFour[indices[byte]];
      rising = rising && bitmap[byte] != 0;
    }
  }
  const int width = layout.index_bits();
  for (; group < cols / layout.group; ++group) {
    int last = -1;
    for (int k = 0; k < layout.kept; ++k) {
      const int place = static_cast<int>(read_bits(indices, (group * layout.kept + k) * width, width));
      rising = rising && place > last;
      last = place;
      set_bits(bitmap, group * layout.group + place, 1, 1);
    }
  }
  return rising && padding_is_zero(layout, cols / layout.group, indices);
}

}  // namespace lacuna
