// Block-wise greedy allocation of input sparsity over the linears of a decoder block.
//
//   s ← 0
//   while Σ size·s / Σ size < target:
//     raise, of all linears, the one whose next step harms the block's output least
//
// A step drops the same number of weights whichever linear takes it: s_i grows by step · size_0 / size_i. A linear that
// would pass 1 is left out.
//
// error(sparsities)  how far the block's output moves with these sparsities; any scale, smaller is better.
// Cost     one call of error per linear and step: about linears² · target / step calls.
// Exact    ties go to the linear that comes first; deterministic where error is.
// Errors   Error{invalid_argument}: no linears, a size below 1, step or target outside (0, 1).
// Source   TEAL, arXiv:2408.14690, algorithm 1; sizes are true weight counts where the authors' script has fixed ones.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace lacuna {

struct GreedyStep {
  std::vector<double> sparsities;  // one per linear
  double effective = 0.0;          // Σ size·s / Σ size
  double error = 0.0;
};

using BlockError = std::function<double(std::span<const double> sparsities)>;

// The path from 0 to the target; the first step is all zeros with error 0.
std::vector<GreedyStep> allocate_greedily(std::span<const std::int64_t> sizes, double step, double target,
                                          const BlockError& error);

// The step of a path whose effective sparsity is closest; the earlier one of two.
const GreedyStep& closest_step(std::span<const GreedyStep> path, double sparsity);

}  // namespace lacuna
