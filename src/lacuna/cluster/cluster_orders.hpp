// Orders of all features of a matrix by clusters, for block coherence.
//
//   kmeans_order    k-means on the patterns, features by label, stable
//   balanced_order  features by label of a coarse k-means, cut into runs, each in clusters of `size` (balanced.hpp)
//
// Of more than kSample features, a random sample is clustered and each other feature joins the nearest centre.
//
// Exact    determined by the patterns and the seed, on every ISA and thread count.
// Threads  parallel inside. Errors as kmeans and balanced_clusters.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "lacuna/cluster/coherence.hpp"
#include "lacuna/cluster/feature_patterns.hpp"

namespace lacuna {

inline constexpr std::int64_t kClusterSample = 2048;

std::vector<int> kmeans_labels(const FeaturePatterns& patterns, int k, std::uint64_t seed);
FeatureOrder kmeans_order(const FeaturePatterns& patterns, int k, std::uint64_t seed);
FeatureOrder balanced_order(const FeaturePatterns& patterns, std::int64_t size, std::uint64_t seed);

// An order by its name: "stored", "frequency", "gradient" (by distance to a feature), "kmeans", "balanced", "groups"
// (exhaustive grouping). Error{invalid_argument}: another name.
struct NamedOrderOptions {
  std::int64_t block = 8;               // of balanced, groups
  int k = 16;                           // of kmeans; fewer where there are fewer features
  std::optional<std::int64_t> feature;  // of gradient; a random one otherwise
};
FeatureOrder named_order(std::string_view name, const FeaturePatterns& patterns, const NamedOrderOptions& options,
                         std::uint64_t seed);
const std::vector<std::string_view>& order_names();
bool is_order_name(std::string_view name);

}  // namespace lacuna
