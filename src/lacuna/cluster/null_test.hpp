// Whether a statistic of a mask is more than chance: the same procedure on random masks, and what that says.
//
//   mean, std    of the draws (std with ddof 1)
//   z            (observed − mean) / std; absent when all draws are equal
//   p            (1 + number of draws at least as extreme) / (1 + draws); never below 1 / (1 + draws). On both tails:
//                twice the smaller one, at most 1
//
// The procedure gets a mask and a seed and does everything anew: choice of features, ordering, clustering. A statistic
// that reused what was found on the given mask would be circular.
//
// Exact    draws are a function of the options' seed; the same on every thread count where the procedure is.
// Threads  draws run in parallel when masks are small, else each is parallel inside.
// Errors   Error{invalid_argument}: draws < 1. Error{interrupted}. What the procedure throws.
// Source   docs/cluster.md; Phipson and Smyth 2010, arXiv:1603.05766 (p); Holm 1979, Scand. J. Stat. 6:65; Benjamini
//          and Hochberg 1995, JRSS B 57:289.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "lacuna/cluster/feature_patterns.hpp"
#include "lacuna/cluster/null_model.hpp"
#include "lacuna/core/run_context.hpp"

namespace lacuna {

struct NullOptions {
  NullModel model = NullModel::columns;
  int m = 0;  // of an N:M pattern
  std::int64_t draws = 100;
  std::uint64_t seed = 0;
};

// The same number of statistics from every mask.
using Procedure = std::function<std::vector<double>(const FeaturePatterns& patterns, std::uint64_t seed)>;

// One vector per statistic, with one value per draw.
std::vector<std::vector<double>> draw_null(const BitMatrix& features, const NullOptions& options,
                                           const Procedure& procedure, const RunContext& context = {});

enum class Tail { greater, less, both };  // where more structure than chance lies

struct NullTest {
  std::int64_t draws = 0;
  double mean = 0.0;
  double std = 0.0;
  std::optional<double> z;
  double p = 1.0;
};
NullTest test_against_null(double observed, std::span<const double> drawn, Tail tail);

// Adjusted for many tests, in the order of the input. Holm bounds the chance of any false finding, Benjamini–Hochberg
// the share of false ones among the findings.
std::vector<double> holm(std::span<const double> p);
std::vector<double> benjamini_hochberg(std::span<const double> p);

}  // namespace lacuna
