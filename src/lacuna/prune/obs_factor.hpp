// What the optimal brain surgeon needs of the Gram matrix, for a fixed order of columns in blocks.
//
// SparseGPT writes H⁻¹ = UᵀU with U upper triangular, prunes column i with the error e_i = w_i / U_ii and compensates
// the columns after it by −e_i·U_i,: . Here no inverse is formed. With R = U⁻¹, H = R·Rᵀ is one Cholesky factorisation
// taken from the last row upwards. Inside a block b, U_bb = R_bb⁻¹. Across blocks, with D = W − Ŵ the change made so
// far, D·R = E gives
//
//   W_current[:, b] = W[:, b] − E[:, <b]·U[<b, b] = W[:, b] + D[:, <b]·V[<b, b],      V[<b, b] = R[<b, b]·U_bb
//
// the same update with half the flop of an inverse, a smaller condition number, and rounding errors of earlier columns
// inside D, so that later columns compensate them too. matrix holds U_bb in its diagonal blocks and V above them.
//
//   dead columns   H_ii = 0 (the input is always zero): H_ii := 1; their weights are to be zeroed
//   damping        then damping · mean(diag H) is added to the diagonal; where H is not positive definite all the same,
//                  ten times as much, and so on up to kLargestDamping
//
// Errors   Error{not_finite}: the Gram; Error{not_positive_definite}: even with the largest damping.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/run_context.hpp"
#include "lacuna/prune/input_statistics.hpp"

namespace lacuna::prune {

inline constexpr double kLargestDamping = 10.0;

struct ObsFactor {
  Matrix<float> matrix;  // blocks on and above the diagonal; what lies below is scratch
  std::int64_t block_size = 0;
  std::vector<std::int64_t> dead_columns;
  double damping = 0.0;  // the share of mean(diag H) that was added
  double added = 0.0;    // damping · mean(diag H), in units of H
  int damping_raises = 0;
};

ObsFactor make_obs_factor(const InputStatistics& statistics, std::int64_t block_size, double damping,
                          const RunContext& context);

}  // namespace lacuna::prune
