// The methods behind make_prune_method(), one file each, and the checks they share.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "lacuna/core/tensor.hpp"
#include "lacuna/prune/input_statistics.hpp"
#include "lacuna/prune/method.hpp"

namespace lacuna::prune {

std::unique_ptr<PruneMethod> make_magnitude();
std::unique_ptr<PruneMethod> make_wanda(bool use_variant);
std::unique_ptr<PruneMethod> make_sparsegpt(int block_size, double damping);

// Throws Error{bad_pattern}: a target outside its range, or an M that does not divide the columns;
// Error{not_finite}: a weight.
void check_weights(MatrixView<const float> weights, const SparsityTarget& target);

// Throws Error{invalid_argument}: none, or of a lesser kind than needed; Error{shape_mismatch}: other columns.
const InputStatistics& check_statistics(const InputStatistics* statistics, StatisticsNeed need, std::int64_t columns);

// s, checked: throws Error{not_finite}.
std::vector<float> checked_square_norms(const InputStatistics& statistics);

// Python's int(n * ratio): the product in double, truncated; at most n − 1 where n > 0.
std::int64_t truncated_share(std::int64_t n, double ratio);

double zero_share(MatrixView<const float> weights);

// Nothing to prune: both reference scripts leave the model alone at sparsity 0.
inline bool nothing_to_prune(MatrixView<const float> weights, const SparsityTarget& target) {
  return weights.numel() == 0 || (!target.structured() && target.sparsity == 0.0);
}

}  // namespace lacuna::prune
