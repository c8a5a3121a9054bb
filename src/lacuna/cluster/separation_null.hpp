// What separation ratio chance gives: k-means on the nearest features of a random feature, when every feature's pattern
// is shuffled independently (null model `columns`), everything done anew in each draw.
//
// The draws need no shuffled matrix. Given the main feature f, the rows that a shuffled feature j shares with it are
// Hypergeometric(rows, ones_f, ones_j), independently over j, and given their number both parts of j's pattern are
// uniform. So a draw samples one number per feature, takes the n nearest as nearest_features() does, and only for those
// samples patterns: exactly the distribution of shuffling all columns and searching.
//
// Cost     a draw: one hypergeometric number per feature, n patterns, one k-means per k; about 5 ms for 128 of 11,008.
// Exact    draws are a function of the seed; the same on every thread count and ISA.
// Threads  draws run in parallel.
// Errors   Error{invalid_argument}: n outside [1, features], k outside [1, n], draws < 1. Error{interrupted}.
// Source   docs/cluster.md.
#pragma once

#include <span>
#include <vector>

#include "lacuna/cluster/feature_patterns.hpp"
#include "lacuna/cluster/kmeans.hpp"
#include "lacuna/cluster/separation.hpp"
#include "lacuna/core/run_context.hpp"

namespace lacuna {

struct SeparationNullOptions {
  std::int64_t n = 128;
  std::vector<int> k = {4, 8, 16};
  int initialisations = 10;
  std::int64_t draws = 1000;
  std::uint64_t seed = 0;
};

// [k][draw]: Hamming separation ratios (0 where there is none).
std::vector<std::vector<double>> draw_separation_null(const FeaturePatterns& patterns,
                                                      const SeparationNullOptions& options,
                                                      const RunContext& context = {});

// Patterns of the n nearest of a random feature after shuffling every column: one draw of the above, for tests.
BitMatrix draw_null_neighbourhood(const FeaturePatterns& patterns, std::int64_t n, std::uint64_t seed);

}  // namespace lacuna
