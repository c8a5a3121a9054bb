// How many inputs a product takes at once, and a loop over more. Internal to kernels/gemv and kernels/packed_gemv.
#pragma once

#include <algorithm>

#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

inline constexpr std::int64_t kMostBatch = 8;

// x: n inputs, y: n outputs, a row each; body gets at most kMostBatch of either.
template <typename Body>
void for_each_batch(MatrixView<const float> x, MatrixView<float> y, const Body& body) {
  for (std::int64_t j = 0; j < x.rows; j += kMostBatch) {
    const std::int64_t n = std::min(x.rows - j, kMostBatch);
    body(x.block(j, n, 0, x.cols), y.block(j, n, 0, y.cols));
  }
}

}  // namespace lacuna::kernels
