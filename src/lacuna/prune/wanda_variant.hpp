// Wanda's variant (`use_variant` of the authors' LLaMA script): a threshold per row from cumulative scores.
//
//   per row  t = the sorted score at the last position where the cumulative sum ≤ α · (sum of the row's scores);
//            prune scores ≤ t; nothing, where even the smallest score exceeds α · sum
//   α        one for the matrix: starts at 0.4 in the bracket [0, 0.8]; while |sparsity − target| > 0.001 and the
//            bracket is at least 0.001 wide, it is bisected
//
// Sums are accumulated in f64 and rounded to f32 at every position, as PyTorch does on a CPU; products in f32.
// Cost     sorts every row once; cols·rows floats of memory.
// Threads  parallel inside, by rows.
#pragma once

#include <span>

#include "lacuna/core/run_context.hpp"
#include "lacuna/core/tensor.hpp"
#include "lacuna/kernels/select/select.hpp"

namespace lacuna::prune {

struct VariantResult {
  kernels::ScoreEnergy energy;
  double alpha = 0.0;
};

VariantResult zero_by_cumulative_score(MatrixView<float> weights, std::span<const float> scales, double sparsity,
                                       const RunContext& context);

}  // namespace lacuna::prune
