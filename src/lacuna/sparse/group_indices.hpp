// The places of a group's kept elements as packed indices, and as the bitmap that kernels run from.
//
//   index i of a row (group i / k, its i%k-th element): the log2(m) bits from bit i·log2(m) on, the lowest first
//
// Indices of a group rise strictly; padding bits of a row's last byte are zero. Both functions handle one row.
//
// Exact    encode and decode are inverse on valid input; decode refuses everything else.
// Threads  safe on distinct outputs.
#pragma once

#include <cstdint>
#include <span>

#include "lacuna/sparse/layout.hpp"

namespace lacuna {

// bitmap: the elements that must be kept, at most k in a group; fuller is set to exactly k by adding zeros' places, the
// lowest first. bitmap is completed in place; indices is written whole.
void encode_group_row(const PackedLayout& layout, std::int64_t cols, std::span<std::uint8_t> bitmap,
                      std::span<std::uint8_t> indices);

// Writes the bitmap. False: indices do not rise within a group, or padding bits are set.
bool decode_group_row(const PackedLayout& layout, std::int64_t cols, std::span<const std::uint8_t> indices,
                      std::span<std::uint8_t> bitmap);

}  // namespace lacuna
