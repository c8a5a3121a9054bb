// Zeroing the weights of each row that score lowest.
//
//   score[r,c] = |W[r,c]| · scale[c]                 (f32; an empty scale means 1)
//   zero_k_smallest   in each row the k entries that come first in a stable ascending sort of the scores
//   zero_n_of_m       in each row, of every m consecutive columns, the n that come first in such a sort
//
// So of equal scores the one with the lower column is zeroed first.
//
// Returns  Σ score² over the zeroed entries and over all entries, of the weights as they came.
// Layout   W: rows×cols f32, any row stride; scale: cols values ≥ 0, or none. Weights and scales are finite.
// Exact    the same entries on every ISA. The energies are sums of f32 squares, accumulated over a row in f32 lanes and
//          over rows in f64 in row order: independent of the number of threads, within 1e-5 of each other over ISAs.
// Cost     one read and one write of W; about 30 passes over a row in the first-level cache.
// Threads  parallel inside, by rows.
// Errors   Error{invalid_argument}: k outside [0, cols], n outside [0, m], m < 1 or not dividing cols, scale's size.
#pragma once

#include <cstdint>
#include <span>

#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

struct ScoreEnergy {
  double zeroed = 0.0;
  double total = 0.0;
};

ScoreEnergy zero_k_smallest(MatrixView<float> weights, std::span<const float> scale, std::int64_t k);
ScoreEnergy zero_n_of_m(MatrixView<float> weights, std::span<const float> scale, int n, int m);

}  // namespace lacuna::kernels
