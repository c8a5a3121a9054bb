// Random matrices with many zeros, for tests of patterns.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/core/random.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna::test {

inline std::vector<float> sparse_matrix(std::int64_t rows, std::int64_t cols, std::uint64_t seed,
                                        double sparsity = 0.5) {
  Random random(seed);
  std::vector<float> values(static_cast<std::size_t>(rows * cols));
  for (auto& x : values) {
    const auto value = static_cast<float>(random.normal());
    x = random.uniform() < sparsity ? 0.0F : value;
  }
  return values;
}

inline TensorView view_of(const std::vector<float>& values, std::int64_t rows, std::int64_t cols) {
  return make_tensor_view(DType::f32, {rows, cols}, values.data());
}

}  // namespace lacuna::test
