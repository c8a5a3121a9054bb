// One block of columns of the optimal brain surgeon, every row for itself: choose, zero, compensate inside the block.
//
//   scores       score[r,j] = W[r,j]² / U[j,j]²
//   for column i of the block, in order:
//     err        e[r,i] = W[r,i] / U[i,i] where (r,i) is pruned, else 0
//     compensate W[r,j] −= e[r,i] · U[i,j]   for j > i
//     prune      W[r,i]  = 0 where (r,i) is pruned
//
//   obs_prune_threshold   pruned where the score at the start of the block ≤ threshold
//   obs_prune_pattern     at every i % m == 0: the n lowest scores of W as it is then, among columns i … i+m−1; on ties
//                         the lower column
//
// Layout   W: rows×b, current weights, any row stride; pruned and compensated in place. change: rows×b; holds the
//          weights as they were originally, becomes originals − results. U: b×b, upper triangle. scores: rows×b, dense.
// Returns  Σ e² and Σ change².
// Exact    the same weights on every ISA and for any number of threads: one fused multiply-add per (i, j), i ascending.
//          The energies are f32 sums over at most b values, added in f64: within b·2^-24 of each other over ISAs.
// Threads  parallel inside, by rows.
// Errors   Error{invalid_argument}: m does not divide b, shapes disagree.
// Source   kernels/obs/README.md; arXiv:2301.00774, algorithm 1.
#pragma once

#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

struct ObsEnergy {
  double error = 0.0;   // Σ e²
  double change = 0.0;  // Σ (original − result)²
};

void obs_scores(MatrixView<const float> weights, MatrixView<const float> u, MatrixView<float> scores);
ObsEnergy obs_prune_threshold(MatrixView<float> weights, MatrixView<float> change, MatrixView<const float> u,
                              float threshold);
ObsEnergy obs_prune_pattern(MatrixView<float> weights, MatrixView<float> change, MatrixView<const float> u, int n,
                            int m);

}  // namespace lacuna::kernels
