// What the mean coherence of blocks is by chance, without draws: null model `columns`, under an order that was not
// found on the mask (as stored, or given).
//
// Features are shuffled independently and blocks share none, so the all-zero rows Z_g of the blocks are independent,
// each with the distribution of zero_rows.hpp: means and variances add up, and the distribution of Σ Z_g is their
// convolution.
//
//   p   P(Σ Z_g ≥ observed), exact; absent beyond kMaxExactRows rows of blocks, where the moments remain
//
// Accuracy  moments in f64; p within 1e-11.
// Cost      moments O(features); p O(blocks · (block · rows + rows of likely sums)), in parallel over blocks.
// Errors    those of block_coherence().
// Source    docs/cluster.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "lacuna/cluster/coherence.hpp"

namespace lacuna {

inline constexpr std::int64_t kMaxExactRows = std::int64_t{1} << 22;  // blocks · rows: a second or so

struct ExactCoherence {
  double mean = 0.0;  // share of rows
  double std = 0.0;
  std::optional<double> z;  // absent: chance does not vary
  std::optional<double> p;
};

ExactCoherence exact_coherence(const FeaturePatterns& patterns, std::span<const std::int64_t> order,
                               std::int64_t block);

}  // namespace lacuna
