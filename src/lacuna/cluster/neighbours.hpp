// The features whose patterns are nearest to a feature's, by Hamming distance.
//
//   distance(f, j) = number of rows of W in which exactly one of W[:, f], W[:, j] is non-zero
//   hamming        = distance / rows
//
// The n smallest over all features j, the feature itself first (distance 0), ties by lower index.
//
// Exact    integers; the same on every ISA and thread count.
// Cost     one feature: one read of the patterns. All: count²·rows/512 vector steps, memory count·n and a few MiB.
// Threads  parallel inside.
// Errors   Error{invalid_argument}: feature outside the matrix; n outside [1, count]. Error{interrupted}.
// Source   docs/cluster.md; kernels/hamming/README.md.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/cluster/feature_patterns.hpp"
#include "lacuna/core/run_context.hpp"

namespace lacuna {

// distance to every feature, in rows that differ; of the feature itself it is 0
std::vector<std::uint32_t> distances_to(const FeaturePatterns& patterns, std::int64_t feature);

struct Neighbours {
  std::int64_t feature = 0;
  std::vector<std::int64_t> indices;
  std::vector<std::uint32_t> distances;  // rows that differ
};
Neighbours nearest_features(const FeaturePatterns& patterns, std::int64_t feature, std::int64_t n);

struct NeighbourGraph {
  std::int64_t features = 0;
  std::int64_t n = 0;
  std::vector<std::uint32_t> indices;    // features × n
  std::vector<std::uint32_t> distances;  // features × n

  const std::uint32_t* indices_of(std::int64_t feature) const { return indices.data() + feature * n; }
  const std::uint32_t* distances_of(std::int64_t feature) const { return distances.data() + feature * n; }
};
NeighbourGraph nearest_of_all(const FeaturePatterns& patterns, std::int64_t n, const RunContext& context = {});

}  // namespace lacuna
