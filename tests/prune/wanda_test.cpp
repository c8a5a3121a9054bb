#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/prune/input_statistics.hpp"
#include "lacuna/prune/method.hpp"
#include "problems.hpp"

namespace lacuna {
namespace {

using test::correlated_inputs;
using test::normal_matrix;
using test::statistics_of;

PruneReport prune(Matrix<float>& w, const InputStatistics& statistics, const SparsityTarget& target,
                  bool variant = false) {
  PruneOptions options;
  options.wanda_use_variant = variant;
  return make_prune_method("wanda", options)->prune(w.view(), &statistics, target, {});
}

Matrix<float> matrix(std::int64_t rows, std::int64_t cols, const std::vector<float>& values) {
  Matrix<float> m(rows, cols);
  std::copy(values.begin(), values.end(), m.data());
  return m;
}

std::vector<float> values(const Matrix<float>& m) { return {m.data(), m.data() + m.numel()}; }

// One token: the norm of a column is the token's magnitude there.
InputStatistics norms(const std::vector<float>& columns) {
  return statistics_of(matrix(1, static_cast<std::int64_t>(columns.size()), columns), StatisticsNeed::column_norms);
}

TEST(Wanda, ScoresAreWeightTimesNormWithinARow) {
  auto w = matrix(2, 4, {4, -3, 2, 1, 100, 200, 300, 400});
  const auto report = prune(w, norms({1, 2, -4, 8}), unstructured(0.5));  // scores 4 6 8 8 | 100 400 1200 3200
  EXPECT_EQ(values(w), (std::vector<float>{0, 0, 2, 1, 0, 0, 300, 400}));
  EXPECT_DOUBLE_EQ(report.sparsity, 0.5);
  EXPECT_NEAR(report.relative_error, (16. + 36 + 1e4 + 16e4) / (16. + 36 + 64 + 64 + 1e4 + 16e4 + 144e4 + 1024e4),
              1e-6);
}

TEST(Wanda, TiesGoLowerColumnFirst) {
  auto w = matrix(1, 4, {8, 4, 2, 1});
  prune(w, norms({1, 2, 4, 8}), unstructured(0.75));
  EXPECT_EQ(values(w), (std::vector<float>{0, 0, 0, 1}));
}

TEST(Wanda, DeadColumnsGoFirst) {
  auto w = matrix(1, 4, {100, 1, 2, 3});
  prune(w, norms({0, 1, 1, 1}), unstructured(0.5));
  EXPECT_EQ(values(w), (std::vector<float>{0, 0, 2, 3}));
}

TEST(Wanda, PatternIsExactInEveryGroup) {
  auto w = normal_matrix(7, 48, 2);
  const auto statistics = statistics_of(correlated_inputs(30, 48, 1), StatisticsNeed::column_norms);
  prune(w, statistics, parse_pattern("5:8"));
  for (std::int64_t r = 0; r < 7; ++r) {
    for (std::int64_t g = 0; g < 48; g += 8) EXPECT_EQ(std::count(&w(r, g), &w(r, g) + 8, 0.0F), 5);
  }
}

TEST(Wanda, EveryRowLosesTheSameNumber) {
  auto w = normal_matrix(9, 101, 4);
  const auto statistics = statistics_of(correlated_inputs(30, 101, 1), StatisticsNeed::column_norms);
  prune(w, statistics, unstructured(0.7));
  for (std::int64_t r = 0; r < 9; ++r) EXPECT_EQ(std::count(&w(r, 0), &w(r, 0) + 101, 0.0F), 70);  // int(70.7)
}

TEST(Wanda, GramAndNormsPruneTheSame) {
  const auto x = correlated_inputs(120, 64, 6);
  auto from_norms = normal_matrix(16, 64, 9);
  auto from_gram = test::copy(from_norms);
  const auto a = prune(from_norms, statistics_of(x, StatisticsNeed::column_norms, 3), unstructured(0.6));
  const auto b = prune(from_gram, statistics_of(x, StatisticsNeed::gram, 3), unstructured(0.6));
  EXPECT_EQ(values(from_norms), values(from_gram));
  EXPECT_EQ(a.relative_error, b.relative_error);
}

// Scores 1 2 3 4 | 2 2 2 4, sums 10 each, target 0.5. α = 0.4: limits 4; cumulative sums 1 3 6 10 | 2 4 6 10;
// thresholds 2 and 2: prunes 2 of row 0 and, ties included, 3 of row 1: 0.625. Too many: α = 0.2, limits 2: thresholds
// 1 and 2: 1 + 3 = 0.5. Within 0.001: done.
TEST(Wanda, VariantBisectsAlphaOverCumulativeScores) {
  auto w = matrix(2, 4, {1, 2, -3, 4, 2, -2, 2, 4});
  const auto report = prune(w, norms({1, 1, 1, 1}), unstructured(0.5), true);
  EXPECT_EQ(values(w), (std::vector<float>{0, 2, -3, 4, 0, 0, 0, 4}));
  EXPECT_DOUBLE_EQ(report.alpha, 0.2);
  EXPECT_NEAR(report.relative_error, 13.0 / 58.0, 1e-12);
}

TEST(Wanda, VariantReachesTheTargetOnRandomWeights) {
  auto w = normal_matrix(64, 256, 4);
  const auto statistics = statistics_of(correlated_inputs(30, 256, 1), StatisticsNeed::column_norms);
  const auto report = prune(w, statistics, unstructured(0.5), true);
  EXPECT_NEAR(report.sparsity, 0.5, 0.001);  // the bracket's own tolerance; the bisection ends earlier
  EXPECT_GT(report.alpha, 0.0);
}

TEST(Wanda, MissingOrForeignStatisticsAreRefused) {
  auto w = normal_matrix(2, 4, 1);
  const auto method = make_prune_method("wanda", {});
  EXPECT_THROW(method->prune(w.view(), nullptr, unstructured(0.5), {}), Error);
  const InputStatistics none(StatisticsNeed::none, 4);
  EXPECT_THROW(method->prune(w.view(), &none, unstructured(0.5), {}), Error);
  EXPECT_THROW(prune(w, norms({1, 1, 1}), unstructured(0.5)), Error);
  EXPECT_THROW(prune(w, norms({1, 1, std::numeric_limits<float>::infinity(), 1}), unstructured(0.5)), Error);
}

}  // namespace
}  // namespace lacuna
