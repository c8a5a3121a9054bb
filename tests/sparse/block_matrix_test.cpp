#include "lacuna/sparse/block_matrix.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "lacuna/cluster/coherence.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/kernels/gemv/gemv.hpp"

namespace lacuna {
namespace {

std::vector<float> random_weights(std::int64_t rows, std::int64_t cols, double sparsity, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> weights(static_cast<std::size_t>(rows * cols));
  for (auto& value : weights) {
    value = static_cast<float>(random.normal());
    if (random.uniform() < sparsity) value = random.uniform() < 0.5 ? 0.0F : -0.0F;
  }
  return weights;
}

std::vector<std::int64_t> random_order(std::int64_t n, std::uint64_t seed) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  Random(seed).shuffle(order.begin(), order.end());
  return order;
}

// [1 0 … 0 | 0 … 0] in stored order keeps one block of two; with a weight in the other block too, none is skipped.
TEST(BlockMatrix, LeavesEmptyBlocksOut) {
  std::vector<float> weights(32);
  weights[3] = 2.0F;
  weights[16 + 0] = 1.0F;
  weights[16 + 15] = 5.0F;
  const TensorView view = make_tensor_view(DType::f32, {2, 16}, weights.data());
  const BlockMatrix blocks(view, stored_order(16));
  EXPECT_DOUBLE_EQ(blocks.skipped(), 0.25);
  EXPECT_EQ(blocks.bytes(), 3U * 32 + 2 * 8);
  std::vector<float> x(16, 0.0F);
  x[3] = 1.0F;
  x[0] = 10.0F;
  x[15] = 100.0F;
  float y[2] = {};
  blocks.multiply(x.data(), y);
  EXPECT_EQ(y[0], 2.0F);
  EXPECT_EQ(y[1], 510.0F);
}

TEST(BlockMatrix, SkipsWhatCoherencePredicts) {
  for (const std::int64_t cols : {64, 61, 7}) {
    const auto weights = random_weights(50, cols, 0.85, static_cast<std::uint64_t>(cols));
    const TensorView view = make_tensor_view(DType::f32, {50, cols}, weights.data());
    const auto order = random_order(cols, 5);
    const auto coherence = block_coherence(FeaturePatterns::columns(view), order, kernels::kBlockFeatures);
    EXPECT_NEAR(BlockMatrix(view, order).skipped(), coherence.mean, 1e-12) << cols;
  }
}

TEST(BlockMatrix, MultipliesAsTheMatrixStored) {
  for (const double sparsity : {0.0, 0.5, 0.95, 1.0}) {
    const std::int64_t rows = 37;
    const std::int64_t cols = 203;
    const auto weights = random_weights(rows, cols, sparsity, 9);
    const auto x = random_weights(1, cols, 0.0, 10);
    std::vector<float> expected(rows);
    kernels::scalar::gemv({weights.data(), rows, cols}, x.data(), expected.data());
    std::vector<float> y(rows);
    BlockMatrix(make_tensor_view(DType::f32, {rows, cols}, weights.data()), random_order(cols, 3))
        .multiply(x.data(), y.data());
    // block_gemv.hpp's bound; Σ|w·x| of 203 products of standard normals is below 203.
    const double tolerance = (cols / 32.0 + 16) * 0x1p-24 * 203;
    for (std::size_t r = 0; r < y.size(); ++r) ASSERT_NEAR(y[r], expected[r], tolerance) << sparsity << " row " << r;
  }
}

TEST(BlockMatrix, TakesTransposedViews) {
  const auto weights = random_weights(24, 40, 0.7, 4);
  const TensorView stored = make_tensor_view(DType::f32, {24, 40}, weights.data());
  TensorView transposed = stored;
  std::swap(transposed.shape[0], transposed.shape[1]);
  std::swap(transposed.strides[0], transposed.strides[1]);
  const auto x = random_weights(1, 24, 0.0, 2);
  std::vector<float> y(40);
  BlockMatrix(transposed, random_order(24, 8)).multiply(x.data(), y.data());
  for (std::size_t c = 0; c < 40; ++c) {
    double sum = 0.0;
    for (std::size_t r = 0; r < 24; ++r) sum += static_cast<double>(weights[r * 40 + c]) * static_cast<double>(x[r]);
    ASSERT_NEAR(y[c], sum, 1e-4) << c;  // 24 products of standard normals in f32: far below
  }
}

void expect_refused(const TensorView& weights, const std::vector<std::int64_t>& order) {
  try {
    const BlockMatrix blocks(weights, order);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
  }
}

TEST(BlockMatrix, RefusesWhatIsNoPermutationOrNoMatrix) {
  const std::vector<float> weights(32);
  const TensorView view = make_tensor_view(DType::f32, {2, 16}, weights.data());
  auto twice = stored_order(16);
  twice[3] = 4;
  expect_refused(view, twice);
  expect_refused(view, stored_order(15));
  auto outside = stored_order(16);
  outside[0] = -1;
  expect_refused(view, outside);
  expect_refused(make_tensor_view(DType::f32, {32}, weights.data()), stored_order(32));
  expect_refused(make_tensor_view(DType::i32, {2, 16}, weights.data()), stored_order(16));
}

TEST(BlockMatrix, PredictsByBytes) {
  EXPECT_DOUBLE_EQ(block_break_even(DType::bf16), 1.0 / 128);
  EXPECT_DOUBLE_EQ(predicted_block_speedup(block_break_even(DType::f32), DType::f32), 1.0);
  EXPECT_DOUBLE_EQ(predicted_block_speedup(0.5, DType::bf16), 1.0 / (0.5 + 1.0 / 128));
}

}  // namespace
}  // namespace lacuna
