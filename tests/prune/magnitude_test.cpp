#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/prune/method.hpp"
#include "problems.hpp"

namespace lacuna {
namespace {

PruneReport prune(Matrix<float>& w, const SparsityTarget& target) {
  return make_prune_method("magnitude", {})->prune(w.view(), nullptr, target, {});
}

Matrix<float> matrix(std::int64_t rows, std::int64_t cols, const std::vector<float>& values) {
  Matrix<float> m(rows, cols);
  std::copy(values.begin(), values.end(), m.data());
  return m;
}

std::vector<float> values(const Matrix<float>& m) { return {m.data(), m.data() + m.numel()}; }

// int(6 · 0.5) = 3: the threshold is sorted[3] = 4, and everything up to it goes, the threshold itself included.
TEST(Magnitude, TheThresholdItselfGoes) {
  auto w = matrix(2, 3, {1, -2, 3, -4, 5, -6});
  const auto report = prune(w, unstructured(0.5));
  EXPECT_EQ(values(w), (std::vector<float>{0, 0, 0, 0, 5, -6}));
  EXPECT_DOUBLE_EQ(report.sparsity, 4.0 / 6.0);
  EXPECT_DOUBLE_EQ(report.relative_error, -1.0);
}

TEST(Magnitude, TiesOfTheThresholdGoToo) {
  auto w = matrix(1, 6, {1, 2, -2, 2, 2, 3});
  prune(w, unstructured(0.2));  // int(1.2) = 1
  EXPECT_EQ(values(w), (std::vector<float>{0, 0, 0, 0, 0, 3}));
}

TEST(Magnitude, ShareIsTruncatedLikePythonsInt) {
  std::vector<float> ramp;
  for (int i = 1; i <= 100; ++i) ramp.push_back(static_cast<float>(i));
  auto w = matrix(1, 100, ramp);
  prune(w, unstructured(0.29));  // 100 · 0.29 = 28.999999999999996 in double: index 28
  EXPECT_EQ(w(0, 28), 0.0F);
  EXPECT_EQ(w(0, 29), 30.0F);
}

TEST(Magnitude, PatternTakesTheLowerColumnOfTies) {
  auto w = matrix(2, 4, {2, 1, 1, 1, -1, 4, -3, 2});
  const auto report = prune(w, parse_pattern("2:4"));
  EXPECT_EQ(values(w), (std::vector<float>{2, 0, 0, 1, 0, 4, -3, 0}));
  EXPECT_DOUBLE_EQ(report.sparsity, 0.5);
}

TEST(Magnitude, PrunedWeightsArePositiveZero) {
  auto w = matrix(1, 4, {-1, -0.0F, -5, -6});
  prune(w, unstructured(0.25));
  for (const float v : {w(0, 0), w(0, 1)}) EXPECT_FALSE(std::signbit(v));
}

TEST(Magnitude, ZeroSparsityLeavesTheMatrixAlone) {
  auto w = matrix(1, 4, {1, 2, 3, 4});
  prune(w, unstructured(0.0));
  EXPECT_EQ(values(w), (std::vector<float>{1, 2, 3, 4}));
}

TEST(Magnitude, BadTargetsAndWeightsAreRefusedUntouched) {
  auto w = matrix(1, 6, {1, 2, 3, 4, 5, 6});
  EXPECT_THROW(prune(w, parse_pattern("2:4")), Error);
  EXPECT_THROW(prune(w, SparsityTarget{1.0, 0, 0}), Error);
  EXPECT_THROW(prune(w, SparsityTarget{0.5, 3, 2}), Error);
  w(0, 5) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(prune(w, unstructured(0.5)), Error);
  EXPECT_EQ(w(0, 0), 1.0F);
}

TEST(Magnitude, EmptyMatricesAreFine) {
  Matrix<float> none(0, 8);
  EXPECT_DOUBLE_EQ(prune(none, unstructured(0.5)).sparsity, 0.0);
}

}  // namespace
}  // namespace lacuna
