// A run of rows of kernels/obs: the specification (scalar.cpp) and Highway's version (simd.cpp).
//
// A Rule is a threshold (m == 0) or a pattern. scratch holds scratch_size(b) floats and is private to the thread.
#pragma once

#include <cstddef>
#include <vector>

#include "lacuna/kernels/obs/obs.hpp"

namespace lacuna::kernels::obs {

inline constexpr std::int64_t kMaxLanes = 16;

struct Rule {
  float threshold = 0.0F;
  int n = 0;
  int m = 0;
};

// Values that lie b apart for each lane: weights and errors of up to kMaxLanes rows, and which of them go.
inline std::size_t scratch_size(std::int64_t b) { return static_cast<std::size_t>(3 * b * kMaxLanes); }

struct RowOps {
  void (*scores)(MatrixView<const float> weights, const float* diagonal, MatrixView<float> scores);
  ObsEnergy (*prune)(MatrixView<float> weights, MatrixView<float> change, MatrixView<const float> u, const Rule& rule,
                     float* scratch);
};

RowOps scalar_ops();
RowOps simd_ops();

}  // namespace lacuna::kernels::obs
