// What the patterns of a group of features have in common.
//
// Over the rows of W restricted to the group's columns (rows × size bits):
//   zeros, ones      rows all zero, rows all one
//   duplicates       distinct rows that occur more than once
//   total_dups       rows minus distinct rows
//   unique_rows      distinct rows
//   density          share of non-zeros
//   mean_pairwise_distance   mean Hamming over the full size × size matrix, diagonal included, as the scripts print it;
//                            mean_distance: over the pairs i < j alone
//
// Exact    integers; the same on every ISA and thread count.
// Threads  measure_groups is parallel inside.
// Errors   Error{invalid_argument}: size outside [1, 64]; a feature outside the matrix.
// Source   docs/cluster.md.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lacuna/cluster/feature_patterns.hpp"

namespace lacuna {

inline constexpr std::int64_t kMaxGroupSize = 64;
void require_group_size(std::int64_t size);

struct FeatureGroup {
  std::int64_t seed_feature = 0;
  std::vector<std::int64_t> features;  // the seed feature first, then by (distance to it, index)
};

struct GroupMetrics {
  std::int64_t zeros = 0;
  std::int64_t ones = 0;
  std::int64_t duplicates = 0;
  std::int64_t total_dups = 0;
  std::int64_t unique_rows = 0;
  double density = 0.0;
  double mean_pairwise_distance = 0.0;  // diagonal included
  double mean_distance = 0.0;           // i < j; 0 for a single feature
};

GroupMetrics measure_group(const FeaturePatterns& patterns, std::span<const std::int64_t> features);
std::vector<GroupMetrics> measure_groups(const FeaturePatterns& patterns, std::span<const FeatureGroup> groups);

}  // namespace lacuna
