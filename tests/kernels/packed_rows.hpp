// Packed rows for kernel tests, made bit by bit; the values end exactly where their allocation ends.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "lacuna/core/random.hpp"
#include "lacuna/kernels/expand/expand.hpp"

namespace lacuna::test {

struct OwnedPackedRows {
  DType dtype = DType::bf16;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<std::byte> dense;
  std::vector<std::uint8_t> bitmap;
  std::vector<std::byte> values;
  std::vector<std::uint64_t> row_starts;
  std::size_t shift = 0;  // bytes before the values, to misalign them

  kernels::PackedRows view() const {
    return {dtype, rows, cols, bitmap.data(), values.data() + shift, row_starts.data()};
  }
};

// dense: rows·cols elements; those with keep[i] are stored.
inline OwnedPackedRows pack_rows(DType dtype, std::int64_t rows, std::int64_t cols, std::vector<std::byte> dense,
                                 const std::vector<bool>& keep, std::size_t shift = 0) {
  OwnedPackedRows packed{dtype, rows, cols, std::move(dense), {}, std::vector<std::byte>(shift), {0}, shift};
  const std::size_t width = dtype_bytes(dtype);
  const auto row_bytes = static_cast<std::size_t>((cols + 7) / 8);
  packed.bitmap.resize(static_cast<std::size_t>(rows) * row_bytes);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < cols; ++c) {
      const auto i = static_cast<std::size_t>(r * cols + c);
      std::byte* element = packed.dense.data() + i * width;
      if (!keep[i]) {
        std::memset(element, 0, width);
        continue;
      }
      auto& byte = packed.bitmap[static_cast<std::size_t>(r) * row_bytes + static_cast<std::size_t>(c / 8)];
      byte = static_cast<std::uint8_t>(byte | 1U << (c % 8));
      packed.values.insert(packed.values.end(), element, element + width);
    }
    packed.row_starts.push_back((packed.values.size() - shift) / width);
  }
  packed.values.shrink_to_fit();
  return packed;
}

inline std::vector<bool> random_mask(std::int64_t n, double sparsity, std::uint64_t seed) {
  Random random(seed);
  std::vector<bool> keep(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < keep.size(); ++i) keep[i] = random.uniform() >= sparsity;
  return keep;
}

inline std::vector<std::byte> random_elements(DType dtype, std::int64_t n, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::byte> bytes(static_cast<std::size_t>(n) * dtype_bytes(dtype));
  for (std::int64_t i = 0; i < n; ++i) {
    const auto value = static_cast<float>(random.normal());
    const std::size_t at = static_cast<std::size_t>(i) * dtype_bytes(dtype);
    if (dtype == DType::f32) {
      std::memcpy(bytes.data() + at, &value, 4);
    } else {
      const std::uint16_t half = dtype == DType::bf16 ? f32_to_bf16(value) : f32_to_f16(value);
      std::memcpy(bytes.data() + at, &half, 2);
    }
  }
  return bytes;
}

}  // namespace lacuna::test
