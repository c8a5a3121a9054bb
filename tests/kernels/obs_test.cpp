#include "lacuna/kernels/obs/obs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kMargin = 3;  // columns left and right of the block that nobody may touch

struct Block {
  Matrix<float> weights;
  Matrix<float> change;
  Matrix<float> u;
  ObsEnergy energy;

  Block(std::int64_t rows, std::int64_t cols)
      : weights(rows, cols + 2 * kMargin), change(rows, cols + 2 * kMargin), u(cols, cols) {
    Random random(static_cast<std::uint64_t>(rows * 1000 + cols));
    for (std::int64_t i = 0; i < weights.numel(); ++i) weights.data()[i] = static_cast<float>(random.normal());
    for (std::int64_t i = 0; i < change.numel(); ++i) change.data()[i] = static_cast<float>(random.normal());
    for (std::int64_t i = 0; i < cols; ++i) {
      for (std::int64_t j = 0; j < cols; ++j)
        u(i, j) = i == j ? 1.0F + 0.1F * static_cast<float>(i % 7) : 0.1F * static_cast<float>(random.normal());
    }
  }
  MatrixView<float> inner(Matrix<float>& m) const {
    return m.view().block(0, m.rows(), kMargin, m.cols() - 2 * kMargin);
  }
};

bool same(const Matrix<float>& a, const Matrix<float>& b) {
  return std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.numel()) * sizeof(float)) == 0;
}

using Prune = std::function<ObsEnergy(MatrixView<float>, MatrixView<float>, MatrixView<const float>)>;

void expect_same_on_every_isa(std::int64_t rows, std::int64_t cols, const Prune& prune) {
  const auto run = [&](IsaLevel level) {
    const test::ForcedIsaLevel forced(level);
    Block block(rows, cols);
    block.energy = prune(block.inner(block.weights), block.inner(block.change), block.u.view());
    return block;
  };
  const auto expected = run(IsaLevel::scalar);
  for (const auto level : test::runnable_isa_levels()) {
    const auto actual = run(level);
    EXPECT_TRUE(same(actual.weights, expected.weights)) << isa_name(level) << ' ' << rows << 'x' << cols;
    EXPECT_TRUE(same(actual.change, expected.change)) << isa_name(level) << ' ' << rows << 'x' << cols;
    // f32 sums of at most 64·cols squares by lanes.
    const double tolerance = 64.0 * static_cast<double>(cols) * 6e-8;
    EXPECT_NEAR(actual.energy.error, expected.energy.error, tolerance * expected.energy.error);
    EXPECT_NEAR(actual.energy.change, expected.energy.change, tolerance * expected.energy.change);
  }
}

TEST(Obs, ThresholdIsTheSameOnEveryIsa) {
  for (const std::int64_t rows : {1, 3, 4, 8, 15, 16, 17, 65}) {
    for (const std::int64_t cols : {1, 3, 7, 8, 9, 30, 128}) {
      expect_same_on_every_isa(rows, cols,
                               [](auto w, auto change, auto u) { return obs_prune_threshold(w, change, u, 0.4F); });
    }
  }
}

TEST(Obs, PatternIsTheSameOnEveryIsa) {
  struct Pattern {
    int n, m;
  };
  for (const auto [n, m] : {Pattern{1, 2}, {2, 4}, {1, 3}, {4, 8}, {5, 10}, {16, 32}}) {
    for (const std::int64_t rows : {1, 5, 16, 33}) {
      for (const std::int64_t groups : {1, 3, 4}) {
        expect_same_on_every_isa(rows, m * groups, [n = n, m = m](auto w, auto change, auto u) {
          return obs_prune_pattern(w, change, u, n, m);
        });
      }
    }
  }
}

// U = [2 1; 0 4], w = (2, 3): score of the first 4/4 = 1 ≤ 2, of the second 9/16: both below 2, chosen at the start.
// e_0 = 1, w_1 = 3 − 1·1 = 2, e_1 = 2/4.
TEST(Obs, ErrorsAreCompensatedAndAddUp) {
  for (const auto level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    Matrix<float> u(2, 2);
    u(0, 0) = 2.0F, u(0, 1) = 1.0F, u(1, 0) = 0.0F, u(1, 1) = 4.0F;
    std::vector<float> w = {2.0F, 3.0F};
    std::vector<float> change = {2.0F, 3.0F};
    auto energy = obs_prune_threshold({w.data(), 1, 2}, {change.data(), 1, 2}, u.view(), 2.0F);
    EXPECT_EQ(w, (std::vector<float>{0.0F, 0.0F}));
    EXPECT_EQ(change, (std::vector<float>{2.0F, 3.0F}));
    EXPECT_DOUBLE_EQ(energy.error, 1.25);
    EXPECT_DOUBLE_EQ(energy.change, 13.0);

    w = change = {2.0F, 3.0F};
    energy = obs_prune_pattern({w.data(), 1, 2}, {change.data(), 1, 2}, u.view(), 1, 2);  // 9/16 is the lower
    EXPECT_EQ(w, (std::vector<float>{2.0F, 0.0F}));
    EXPECT_EQ(change, (std::vector<float>{0.0F, 3.0F}));
    EXPECT_DOUBLE_EQ(energy.error, 0.5625);
  }
}

TEST(Obs, ScoresAreSquaresOverSquaresOnEveryIsa) {
  for (const auto level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    Block block(5, 37);
    Matrix<float> scores(5, 37);
    obs_scores(block.inner(block.weights), block.u.view(), scores.view());
    for (std::int64_t r = 0; r < 5; ++r) {
      for (std::int64_t j = 0; j < 37; ++j) {
        const float w = block.inner(block.weights)(r, j);
        EXPECT_EQ(scores(r, j), (w * w) / (block.u(j, j) * block.u(j, j)));
      }
    }
  }
}

TEST(Obs, WrongShapesAndPatternsAreRefused) {
  Block block(2, 6);
  Matrix<float> small(2, 5);
  EXPECT_THROW(obs_prune_pattern(block.inner(block.weights), block.inner(block.change), block.u.view(), 2, 4), Error);
  EXPECT_THROW(obs_prune_threshold(block.inner(block.weights), small.view(), block.u.view(), 1.0F), Error);
  EXPECT_THROW(obs_scores(block.inner(block.weights), block.u.view(), small.view()), Error);
}

}  // namespace
}  // namespace lacuna::kernels
