// SparseGPT's solver, without the bookkeeping around it: benchmarks time it as it stands.
#pragma once

#include "lacuna/core/run_context.hpp"
#include "lacuna/core/tensor.hpp"
#include "lacuna/prune/obs_factor.hpp"
#include "lacuna/prune/target.hpp"

namespace lacuna::prune {

// The largest block of at most `wanted` of the `columns` that holds whole groups of the target; one group at least.
std::int64_t sparsegpt_block_size(std::int64_t wanted, std::int64_t columns, const SparsityTarget& target);

// Prunes in place. factor.block_size must come from sparsegpt_block_size(). Returns tr((W−Ŵ)·H·(W−Ŵ)ᵀ) with the
// undamped H, from the errors the solver made anyway.
double sparsegpt_solve(MatrixView<float> weights, const ObsFactor& factor, const SparsityTarget& target,
                       const RunContext& context);

}  // namespace lacuna::prune
