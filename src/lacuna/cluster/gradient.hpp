// Co-activation gradient: a feature beside random others, ordered by their distance to it.
//
// The main feature and n other columns drawn without replacement, in a stable ascending sort of the Hamming distance to
// the main feature (rows of W that differ); equal distances stay in the order of the draw, the main feature is first.
//
// Exact    determined by the patterns, the feature and the seed.
// Errors   Error{invalid_argument}: feature outside the matrix; n outside [0, count − 1].
// Source   docs/cluster.md.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/cluster/feature_patterns.hpp"

namespace lacuna {

struct Gradient {
  std::int64_t feature = 0;
  std::vector<std::int64_t> indices;     // n + 1, the feature first
  std::vector<std::uint32_t> distances;  // rows that differ, ascending
};

Gradient coactivation_gradient(const FeaturePatterns& patterns, std::int64_t feature, std::int64_t n,
                               std::uint64_t seed);

// The patterns of some features as the rows of a matrix: one line per feature, one column per row of W.
BitMatrix patterns_of(const FeaturePatterns& patterns, const std::vector<std::int64_t>& features);

}  // namespace lacuna
