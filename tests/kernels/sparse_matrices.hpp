// Seeded sparse matrices of 16-bit floats.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/core/dtype.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna::test {

struct HalfMatrix {
  std::int64_t rows;
  std::int64_t cols;
  std::vector<std::uint16_t> bits;

  HalfMatrix(std::int64_t rows_, std::int64_t cols_)
      : rows(rows_), cols(cols_), bits(static_cast<std::size_t>(rows_ * cols_), 0) {}
  std::uint16_t& at(std::int64_t r, std::int64_t c) { return bits[static_cast<std::size_t>(r * cols + c)]; }
  MatrixView<const std::uint16_t> view() const { return {bits.data(), rows, cols}; }
  MatrixView<std::uint16_t> view() { return {bits.data(), rows, cols}; }
  std::int64_t nonzeros() const {
    std::int64_t n = 0;
    for (const std::uint16_t b : bits) n += static_cast<std::int64_t>((b & 0x7fffU) != 0);
    return n;
  }
};

inline std::uint16_t to_half(DType dtype, double value) {
  return dtype == DType::f16 ? f32_to_f16(static_cast<float>(value)) : f32_to_bf16(static_cast<float>(value));
}
inline double from_half(DType dtype, std::uint16_t bits) {
  return dtype == DType::f16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

// Normal values, each 0 with probability `zeros`.
inline HalfMatrix random_half_matrix(std::int64_t rows, std::int64_t cols, double zeros, std::uint64_t seed,
                                     DType dtype = DType::f16) {
  Random random(seed);
  HalfMatrix w(rows, cols);
  for (auto& bits : w.bits) {
    const double value = random.normal();
    if (random.uniform() >= zeros) bits = to_half(dtype, value);
  }
  return w;
}

// At most two non-zeros in four consecutive columns; some groups have fewer.
inline HalfMatrix random_two_four(std::int64_t rows, std::int64_t cols, std::uint64_t seed, DType dtype = DType::f16) {
  Random random(seed);
  HalfMatrix w(rows, cols);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < cols; c += 4) {
      for (std::uint64_t left = random.below(16) == 0 ? random.below(2) : 2; left > 0; --left) {
        const std::int64_t at = c + static_cast<std::int64_t>(random.below(4));
        if (at < cols) w.at(r, at) = to_half(dtype, random.normal());
      }
    }
  }
  return w;
}

}  // namespace lacuna::test
