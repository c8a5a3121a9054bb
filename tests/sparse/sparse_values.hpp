// Matrices with zeros, and every kind of bits that is not zero, for the tests of sparse.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "lacuna/core/random.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna::test {

struct DenseMatrix {
  DType dtype = DType::bf16;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<std::byte> bytes;

  TensorView view() const { return make_tensor_view(dtype, {rows, cols}, bytes.data()); }
  void set(std::int64_t r, std::int64_t c, std::uint32_t bits) {
    const std::size_t width = dtype_bytes(dtype);
    std::memcpy(bytes.data() + static_cast<std::size_t>(r * cols + c) * width, &bits, width);
  }
};

// Random bits, zero with probability `sparsity`; a tenth of the rest is −0.0, a NaN with a payload or a denormal.
inline DenseMatrix sparse_matrix(DType dtype, std::int64_t rows, std::int64_t cols, double sparsity,
                                 std::uint64_t seed) {
  DenseMatrix matrix{dtype, rows, cols, {}};
  matrix.bytes.resize(static_cast<std::size_t>(rows * cols) * dtype_bytes(dtype));
  Random random(seed);
  const bool wide = dtype == DType::f32;
  const std::uint32_t specials[3] = {wide ? 0x80000000U : 0x8000U, wide ? 0x7fc12345U : 0x7fd5U, 1U};
  for (std::int64_t i = 0; i < rows * cols; ++i) {
    if (random.uniform() < sparsity) continue;
    const double kind = random.uniform();
    std::uint32_t bits = kind < 0.1 ? specials[static_cast<std::size_t>(kind * 30.0)]
                                    : static_cast<std::uint32_t>(random.uniform() * 0x1p32);
    if (!wide) bits &= 0xffffU;
    matrix.set(i / cols, i % cols, bits);
  }
  return matrix;
}

// At most `kept` elements of every `group` of a row are not zero.
inline DenseMatrix grouped_matrix(DType dtype, std::int64_t rows, std::int64_t cols, int kept, int group,
                                  std::uint64_t seed) {
  DenseMatrix matrix = sparse_matrix(dtype, rows, cols, 0.0, seed);
  Random random(seed + 1);
  for (std::int64_t first = 0; first < rows * cols; first += group) {
    int left = group;
    int wanted = kept;
    for (int i = 0; i < group; ++i, --left) {
      const bool keep = random.uniform() * left < wanted;
      if (keep) {
        --wanted;
      } else {
        matrix.set((first + i) / cols, (first + i) % cols, 0);
      }
    }
  }
  return matrix;
}

}  // namespace lacuna::test
