// The clustering experiment: k-means on the nearest features of random features, for several k and seeds.
//
// Run s takes seed + s: a random feature (or the one given), its n nearest ones (neighbours.hpp), and for each k a
// k-means of their points (the patterns, unless `points` makes others) with the distances within and between clusters.
//
// Exact    a function of patterns and seed, on every thread count; on patterns on every ISA.
// Threads  parallel inside.
// Errors   Error{invalid_argument}: no seeds, no k, k outside [1, n], n outside [1, features]; Error{interrupted}.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "lacuna/cluster/feature_patterns.hpp"
#include "lacuna/cluster/kmeans.hpp"
#include "lacuna/cluster/separation.hpp"
#include "lacuna/core/run_context.hpp"

namespace lacuna {

struct NeighbourhoodOptions {
  std::vector<int> k = {4, 8, 16};
  std::int64_t n = 128;
  int seeds = 10;
  int initialisations = 10;
  std::optional<std::int64_t> feature;  // of every run
  std::uint64_t seed = 0;
};

struct ClusterRun {
  std::uint64_t seed = 0;
  std::int64_t feature = 0;
  std::vector<std::int64_t> indices;  // the features clustered, nearest first
  Clustering clustering;
  Separation hamming;  // of the patterns, whatever was clustered
  Separation euclidean;
};

using PointMaker = std::function<PointGram(std::span<const std::int64_t> features)>;

// By seed, then k.
std::vector<ClusterRun> cluster_neighbourhoods(const FeaturePatterns& patterns, const NeighbourhoodOptions& options,
                                               const PointMaker& points = {}, const RunContext& context = {});

// Mean Hamming separation over the runs of each k, in the order of options.k; 0 where no run has one.
std::vector<double> mean_separations(std::span<const ClusterRun> runs, std::span<const int> k);

std::int64_t run_feature(const FeaturePatterns& patterns, std::optional<std::int64_t> feature, std::uint64_t seed);

}  // namespace lacuna
