#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/prune/input_statistics.hpp"
#include "lacuna/prune/method.hpp"
#include "problems.hpp"
#include "support/isa_levels.hpp"

namespace lacuna {
namespace {

using test::correlated_inputs;
using test::normal_matrix;
using test::output_error;
using test::statistics_of;

PruneReport prune(Matrix<float>& w, const InputStatistics& statistics, const SparsityTarget& target,
                  const PruneOptions& options = {}, const RunContext& context = {}) {
  return make_prune_method("sparsegpt", options)->prune(w.view(), &statistics, target, context);
}

std::vector<float> values(const Matrix<float>& m) { return {m.data(), m.data() + m.numel()}; }

std::int64_t zeros(const Matrix<float>& m) { return std::count(m.data(), m.data() + m.numel(), 0.0F); }

// Two inputs with Gram [2 1; 1 2]·2 (one sequence), no damping. H = [4 2; 2 4], H⁻¹ = [1/3 −1/6; −1/6 1/3],
// U = [1/√3 −1/(2√3); 0 1/2]. w = (1, 4): scores 1·3 = 3 and 16·4 = 64. int(2·0.5) = 1 would take sorted[1] = 64 and so
// both; at 0.4 int(0.8) = 0 takes the first only. e = 1·√3; w_1 −= √3 · −1/(2√3) = +1/2. Error: e² = 3 of w·H·wᵀ = 84.
TEST(SparseGpt, CompensatesWithTheInverseOfTheGram) {
  Matrix<float> x(2, 2);
  const auto root = static_cast<float>(std::sqrt(1.5));
  const auto half = static_cast<float>(std::sqrt(0.5));
  x(0, 0) = root, x(0, 1) = root, x(1, 0) = half, x(1, 1) = -half;  // XᵀX = [2 1; 1 2]
  Matrix<float> w(1, 2);
  w(0, 0) = 1.0F, w(0, 1) = 4.0F;
  PruneOptions options;
  options.sparsegpt_damping = 0.0;
  const auto report = prune(w, statistics_of(x, StatisticsNeed::gram), unstructured(0.4), options);
  EXPECT_EQ(w(0, 0), 0.0F);
  EXPECT_NEAR(w(0, 1), 4.5F, 1e-5);  // a handful of f32 roundings
  EXPECT_NEAR(report.relative_error, 3.0 / 84.0, 1e-6);
  EXPECT_DOUBLE_EQ(report.sparsity, 0.5);
  EXPECT_DOUBLE_EQ(report.damping, 0.0);
}

TEST(SparseGpt, ThresholdTakesItsTiesInTheBlock) {
  Matrix<float> x = Matrix<float>::zeroed(4, 4);
  for (std::int64_t i = 0; i < 4; ++i) x(i, i) = 1.0F;  // uncorrelated: nothing to compensate, scores w²·H
  Matrix<float> w(1, 4);
  w(0, 0) = 3.0F, w(0, 1) = -1.0F, w(0, 2) = 1.0F, w(0, 3) = 2.0F;
  const auto report = prune(w, statistics_of(x, StatisticsNeed::gram), unstructured(0.25));
  EXPECT_EQ(values(w), (std::vector<float>{3.0F, 0.0F, 0.0F, 2.0F}));
  EXPECT_NEAR(report.relative_error, 2.0 / 15.0, 1e-6);
}

TEST(SparseGpt, PatternIsExactInEveryGroup) {
  for (const char* pattern : {"2:4", "4:8", "1:4", "3:5", "16:32", "7:40"}) {
    const auto target = parse_pattern(pattern);
    for (const std::int64_t rows : {1, 5, 33}) {
      auto w = normal_matrix(rows, 320, 5);
      const auto report = prune(w, statistics_of(correlated_inputs(400, 320, 2), StatisticsNeed::gram), target);
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t g = 0; g < 320; g += target.m) {
          EXPECT_EQ(std::count(&w(r, g), &w(r, g) + target.m, 0.0F), target.n)
              << pattern << " row " << r << " column " << g;
        }
      }
      EXPECT_DOUBLE_EQ(report.sparsity, target.sparsity);
    }
  }
}

// Each block loses int(numel·s) + 1 entries and the ties of the last, of which random weights have none.
TEST(SparseGpt, EveryBlockReachesItsShare) {
  for (const std::int64_t cols : {40, 128, 200, 257}) {
    auto w = normal_matrix(6, cols, 5);
    prune(w, statistics_of(correlated_inputs(400, cols, 2), StatisticsNeed::gram), unstructured(0.6));
    std::int64_t expected = 0;
    for (std::int64_t first = 0; first < cols; first += 128) {
      expected +=
          static_cast<std::int64_t>(static_cast<double>(6 * std::min<std::int64_t>(128, cols - first)) * 0.6) + 1;
    }
    EXPECT_EQ(zeros(w), expected) << cols;
  }
}

TEST(SparseGpt, ReportedErrorIsTheErrorOfTheOutputs) {
  const auto x = correlated_inputs(500, 192, 3);
  const auto dense = normal_matrix(24, 192, 6);
  const auto none = Matrix<float>::zeroed(24, 192);
  for (const auto& target : {unstructured(0.5), parse_pattern("2:4")}) {
    auto w = test::copy(dense);
    const auto report = prune(w, statistics_of(x, StatisticsNeed::gram, 5), target);
    const double expected = output_error(dense, w, x) / output_error(dense, none, x);
    // f32 weights: about 192 roundings of 2^-24, amplified by the share the error is of the whole.
    EXPECT_NEAR(report.relative_error, expected, 1e-3 * expected);
  }
}

TEST(SparseGpt, BeatsMagnitudeOnCorrelatedInputs) {
  const auto x = correlated_inputs(500, 160, 3);
  const auto dense = normal_matrix(24, 160, 6);
  for (const auto& target : {unstructured(0.5), parse_pattern("2:4")}) {
    auto by_sparsegpt = test::copy(dense);
    auto by_magnitude = test::copy(dense);
    prune(by_sparsegpt, statistics_of(x, StatisticsNeed::gram), target);
    make_prune_method("magnitude", {})->prune(by_magnitude.view(), nullptr, target, {});
    EXPECT_LT(output_error(dense, by_sparsegpt, x), 0.5 * output_error(dense, by_magnitude, x));
  }
}

TEST(SparseGpt, DeadColumnsAreZeroedAndCounted) {
  auto x = correlated_inputs(300, 64, 3);
  for (std::int64_t t = 0; t < 300; ++t) x(t, 7) = x(t, 40) = 0.0F;
  auto w = normal_matrix(9, 64, 6);
  const auto report = prune(w, statistics_of(x, StatisticsNeed::gram), parse_pattern("2:4"));
  EXPECT_EQ(report.dead_columns, 2);
  for (std::int64_t r = 0; r < 9; ++r) {
    EXPECT_EQ(w(r, 7), 0.0F);
    EXPECT_EQ(w(r, 40), 0.0F);
  }
}

TEST(SparseGpt, FewerTokensThanColumnsNeedOnlyTheDamping) {
  auto w = normal_matrix(9, 96, 6);
  const auto report = prune(w, statistics_of(correlated_inputs(10, 96, 3), StatisticsNeed::gram), unstructured(0.5));
  EXPECT_EQ(report.damping_raises, 0);
  EXPECT_DOUBLE_EQ(report.damping, 0.01);
  for (const float value : values(w)) EXPECT_TRUE(std::isfinite(value));
}

// One token and no damping: the Gram has rank 1, and every pivot after the first is rounding error or less.
TEST(SparseGpt, RaisesTheDampingAndSaysSoWhereTheGramIsSingular) {
  Matrix<float> x(1, 8);
  for (std::int64_t c = 0; c < 8; ++c) x(0, c) = 1.0F;
  auto w = normal_matrix(3, 8, 6);
  PruneOptions options;
  options.sparsegpt_damping = 0.0;
  std::vector<std::string> warnings;
  RunContext context;
  context.warning = [&](const std::string& text) { warnings.push_back(text); };
  const auto report = prune(w, statistics_of(x, StatisticsNeed::gram), unstructured(0.5), options, context);
  EXPECT_EQ(report.damping_raises, 1);
  EXPECT_DOUBLE_EQ(report.damping, 0.01);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("damping"), std::string::npos);
}

TEST(SparseGpt, SameBitsOnEveryIsa) {
  const auto x = correlated_inputs(500, 200, 3);
  const auto statistics = statistics_of(x, StatisticsNeed::gram);
  for (const auto& target : {unstructured(0.5), parse_pattern("2:4"), parse_pattern("5:20")}) {
    std::vector<float> expected;
    for (const auto level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      auto w = normal_matrix(37, 200, 6);
      prune(w, statistics, target);
      if (expected.empty()) expected = values(w);
      EXPECT_EQ(values(w), expected) << isa_name(level) << ' ' << target.label();
    }
  }
}

// A method object serves linears that share their inputs from one factor; the result must be that of a fresh object.
TEST(SparseGpt, SharedFactorsChangeNothing) {
  const auto a = statistics_of(correlated_inputs(300, 64, 1), StatisticsNeed::gram);
  const auto b = statistics_of(correlated_inputs(300, 64, 2), StatisticsNeed::gram);
  const auto method = make_prune_method("sparsegpt", {});
  for (const auto* statistics : {&a, &a, &b, &a}) {
    for (const auto& target : {unstructured(0.5), parse_pattern("8:16"), parse_pattern("3:8")}) {
      auto shared = normal_matrix(8, 64, 6);
      auto alone = test::copy(shared);
      method->prune(shared.view(), statistics, target, {});
      prune(alone, *statistics, target);
      EXPECT_EQ(values(shared), values(alone));
    }
  }
}

TEST(SparseGpt, BlockSizeIsAnOptionAndFitsThePattern) {
  const auto statistics = statistics_of(correlated_inputs(300, 96, 1), StatisticsNeed::gram);
  for (const int block : {1, 7, 32, 96, 1000}) {
    PruneOptions options;
    options.sparsegpt_block_size = block;
    auto w = normal_matrix(4, 96, 6);
    EXPECT_DOUBLE_EQ(prune(w, statistics, parse_pattern("3:6"), options).sparsity, 0.5) << block;
    prune(w, statistics, unstructured(0.5), options);
  }
}

TEST(SparseGpt, RowStrideIsRespected) {
  const auto statistics = statistics_of(correlated_inputs(300, 64, 1), StatisticsNeed::gram);
  auto alone = normal_matrix(5, 64, 6);
  Matrix<float> wide(7, 80);
  std::fill(wide.data(), wide.data() + wide.numel(), 42.0F);
  for (std::int64_t r = 0; r < 5; ++r) std::copy_n(&alone(r, 0), 64, &wide(r + 1, 8));
  prune(alone, statistics, unstructured(0.5));
  make_prune_method("sparsegpt", {})->prune(wide.view().block(1, 5, 8, 64), &statistics, unstructured(0.5), {});
  for (std::int64_t r = 0; r < 7; ++r) {
    for (std::int64_t c = 0; c < 80; ++c) {
      const bool inside = r >= 1 && r < 6 && c >= 8 && c < 72;
      EXPECT_EQ(wide(r, c), inside ? alone(r - 1, c - 8) : 42.0F);
    }
  }
}

TEST(SparseGpt, BadInputsAreRefusedAndTheWeightsUntouched) {
  auto x = correlated_inputs(300, 8, 1);
  const auto good = statistics_of(x, StatisticsNeed::gram);
  const auto norms = statistics_of(x, StatisticsNeed::column_norms);
  x(3, 5) = std::numeric_limits<float>::quiet_NaN();
  const auto bad = statistics_of(x, StatisticsNeed::gram);
  auto w = normal_matrix(2, 8, 6);
  const auto before = values(w);
  EXPECT_THROW(prune(w, bad, unstructured(0.5)), Error);
  EXPECT_THROW(prune(w, norms, unstructured(0.5)), Error);
  EXPECT_THROW(prune(w, good, parse_pattern("2:3")), Error);
  EXPECT_EQ(values(w), before);
  w(1, 1) = std::numeric_limits<float>::infinity();
  EXPECT_THROW(prune(w, good, unstructured(0.5)), Error);
  PruneOptions options;
  options.sparsegpt_block_size = 0;
  EXPECT_THROW(make_prune_method("sparsegpt", options), Error);
  options = {};
  options.sparsegpt_damping = -1.0;
  EXPECT_THROW(make_prune_method("sparsegpt", options), Error);
}

TEST(SparseGpt, StopsWhenAsked) {
  const auto statistics = statistics_of(correlated_inputs(300, 8, 1), StatisticsNeed::gram);
  auto w = normal_matrix(2, 8, 6);
  std::atomic<bool> stop{true};
  RunContext context;
  context.stop = &stop;
  EXPECT_THROW(prune(w, statistics, unstructured(0.5), {}, context), Error);
}

}  // namespace
}  // namespace lacuna
