#include <cstring>

#include "lacuna/kernels/expand/expand.hpp"

namespace lacuna::kernels::scalar {

void expand_row(std::size_t element_bytes, const std::uint8_t* bitmap, std::int64_t cols, const std::byte* values,
                std::byte* out) {
  for (std::int64_t c = 0; c < cols; ++c) {
    std::byte* target = out + static_cast<std::size_t>(c) * element_bytes;
    if ((bitmap[c / 8] >> (c % 8) & 1U) != 0) {
      std::memcpy(target, values, element_bytes);
      values += element_bytes;
    } else {
      std::memset(target, 0, element_bytes);
    }
  }
}

void expand_strip(const PackedRows& packed, std::int64_t first_row, std::int64_t n_rows, std::int64_t first_col,
                  std::int64_t n_cols, std::uint64_t* next, std::byte* out, std::int64_t out_stride) {
  const std::size_t width = dtype_bytes(packed.dtype);
  for (std::int64_t i = 0; i < n_rows; ++i) {
    const std::uint8_t* bitmap = packed.row_bitmap(first_row + i) + first_col / 8;
    expand_row(width, bitmap, n_cols, packed.values + next[i] * width,
               out + static_cast<std::size_t>(i * out_stride) * width);
    for (std::int64_t c = 0; c < n_cols; ++c) next[i] += bitmap[c / 8] >> (c % 8) & 1U;
  }
}

}  // namespace lacuna::kernels::scalar
