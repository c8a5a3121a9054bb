// Hamming distances of all pairs of features, as a histogram.
//
//   distance(i, j) = ones_i + ones_j − 2·both(i, j) rows of W; hamming = distance / rows
//
// histogram[d] counts the pairs i < j that differ in d rows; everything else follows from it exactly.
//   mean                 over the pairs i < j
//   mean_with_diagonal   over the full N×N matrix, zeros of the diagonal included, as the scripts print it
//   cdf                  sorted distinct distances with the share of pairs at or below each
//
// Exact    integers; the same on every ISA and thread count.
// Cost     count²·rows/1024 vector steps; memory: the patterns and a few MiB per thread, never N×N.
// Threads  parallel inside.
// Errors   Error{interrupted}; what the callback throws.
// Source   docs/cluster.md; kernels/hamming/README.md.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lacuna/cluster/feature_patterns.hpp"
#include "lacuna/core/run_context.hpp"

namespace lacuna {

struct CdfPoint {
  double distance = 0.0;  // share of rows
  double share = 0.0;     // of pairs at or below
};

struct PairDistances {
  std::int64_t features = 0;
  std::int64_t rows = 0;
  std::vector<std::uint64_t> histogram;  // rows + 1 entries

  std::uint64_t pairs() const;
  double mean() const;                // all of these are shares of rows; 0 without a pair
  double mean_with_diagonal() const;  // 0 without a feature
  double std() const;                 // over the pairs i < j, ddof 0
  double min() const;
  double max() const;
  double quantile(double q) const;  // the smallest distance with at least q of the pairs at or below; q in [0, 1]
  std::vector<CdfPoint> cdf() const;
};

PairDistances all_pair_distances(const FeaturePatterns& patterns, const RunContext& context = {});

// The N×N matrix, a few rows at a time and in order: body(first_feature, distances of those features to all,
// row-major).
using DistanceRows = std::function<void(std::int64_t, std::span<const std::uint32_t>)>;
void for_each_distance_row(const FeaturePatterns& patterns, const DistanceRows& body, const RunContext& context = {});

}  // namespace lacuna
