// Block coherence: what a kernel that skips blocks of features could skip, under an order of the features.
//
// The order is cut into groups of `block` features; the coherence of a group is the share of rows of W in which all its
// entries are zero. A last group takes what is left. An order by cluster label, by distance or by groups brings
// features with common zeros together; for independent columns of density p any order gives (1 − p)^block.
//
// Exact    integers, divided once.
// Threads  parallel inside.
// Errors   Error{invalid_argument}: block < 1; an order that is no permutation of the features.
// Source   docs/cluster.md.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lacuna/cluster/feature_patterns.hpp"
#include "lacuna/cluster/group_metrics.hpp"

namespace lacuna {

using FeatureOrder = std::vector<std::int64_t>;

FeatureOrder stored_order(std::int64_t count);
FeatureOrder frequency_order(const FeaturePatterns& patterns);  // most non-zeros first, then index: needs no clustering
FeatureOrder gradient_order(const FeaturePatterns& patterns, std::int64_t feature);  // by distance to it, then index
FeatureOrder grouped_order(std::span<const FeatureGroup> groups);                    // group after group
FeatureOrder label_order(std::span<const int> labels);                               // by label, stable

struct Coherence {
  std::int64_t block = 0;
  std::vector<double> groups;  // share of rows all zero
  double mean = 0.0;           // over the groups
  double skipped = 0.0;        // share of the entries of W that lie in such rows of groups
};

Coherence block_coherence(const FeaturePatterns& patterns, std::span<const std::int64_t> order, std::int64_t block);

std::string_view coherence_level(double coherence);                            // HIGH > 0.4, MEDIUM > 0.2, else LOW
inline bool has_block_structure(double coherence) { return coherence > 0.3; }  // the scripts' rule
double independent_coherence(double density, std::int64_t block);              // (1 − p)^block

}  // namespace lacuna
