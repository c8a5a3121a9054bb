// Groups of features with similar patterns.
//
// group_features   exhaustive, without replacement: a random unused feature, its size − 1 nearest unused features
//                  (Hamming, ties by lower index), until all features are used; a last group takes what is left.
// sample_groups    `count` random distinct features, each with its size − 1 nearest of all features.
//
// Exact    determined by the patterns and the seed; the same on every ISA and thread count.
// Cost     exhaustive: about 0.75·count²/size distances.
// Threads  parallel inside.
// Errors   Error{invalid_argument}: size outside [1, 64]; count outside [1, features]. Error{interrupted}.
// Source   docs/cluster.md.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/cluster/feature_patterns.hpp"
#include "lacuna/cluster/group_metrics.hpp"
#include "lacuna/core/run_context.hpp"

namespace lacuna {

std::vector<FeatureGroup> group_features(const FeaturePatterns& patterns, std::int64_t size, std::uint64_t seed,
                                         const RunContext& context = {});
std::vector<FeatureGroup> sample_groups(const FeaturePatterns& patterns, std::int64_t count, std::int64_t size,
                                        std::uint64_t seed, const RunContext& context = {});

}  // namespace lacuna
