// How much structure the pattern of a pruned matrix has, each statistic beside what chance gives.
//
//   mean_distance      mean Hamming distance over all pairs of features, share of rows           structure makes it
//   less nearest_distance   mean over the features of the distance to the nearest other one           less separation
//   between/within Hamming distance of k-means with k = 8 on the 128 nearest of a random feature
//                      (all where there are fewer)                                               greater
//   coherence_stored   block coherence (cluster/coherence.hpp), features as stored               greater
//   coherence_grouped  the same after exhaustive grouping (cluster/grouping.hpp)                 greater
//
// Every draw of the null model goes through all of it anew. The model keeps an N:M pattern's groups (`pattern`), and of
// other masks the zeros of every feature and of every row (`margins`), so that rows or features of unlike density alone
// are never taken for structure; the mean distance then never varies, has no z and finds nothing.
// p is of one test; adjusted_p() corrects it for all tests of a study (Benjamini and Hochberg).
//
// Exact    a function of the pattern and the options on every ISA and thread count.
// Errors   those of cluster; interrupted.
// Source   docs/cluster.md
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lacuna/cluster/null_test.hpp"
#include "lacuna/core/run_context.hpp"
#include "lacuna/formats/matrix_set.hpp"
#include "lacuna/study/records.hpp"

namespace lacuna {

struct StructureOptions {
  std::vector<std::string> matrices;  // "{layer}.{component}"; none: nothing is measured
  std::int64_t block = 8;
  std::int64_t draws = 100;
  std::uint64_t seed = 0;
};

// What a run's method fixes, as said above.
NullOptions null_options_of(const RunRecord& run, std::int64_t draws, std::uint64_t seed);

std::vector<StructureRecord> measure_structure(const WeightMatrix& matrix, const RunRecord& run,
                                               const StructureOptions& options, const RunContext& context);

// In the order of the records.
std::vector<double> adjusted_p(std::span<const StructureRecord> records);

// One sentence for people on what a set of records says, from the numbers and their adjusted p alone.
std::string structure_verdict(std::span<const StructureRecord> records);

}  // namespace lacuna
