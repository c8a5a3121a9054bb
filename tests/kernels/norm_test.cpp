#include "lacuna/kernels/norm/norm.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/random_values.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kRows = 3;
constexpr double kUlp = 0x1.0p-24;  // half the spacing of f32 at 1

// norm.hpp bounds the vector sum's relative error by (n/32 + 8)·2⁻²⁴ at 8 lanes. The square root halves it; mean,
// root, division and the two products round once each.
double rms_tolerance(std::int64_t n) { return (static_cast<double>(n) / 32 + 8 + 10) * kUlp; }

TEST(RmsNorm, EveryIsaAgreesWithScalar) {
  for (const std::int64_t n : test::lane_edge_lengths()) {
    const auto x = test::normal_values(static_cast<std::size_t>(kRows * (n + 3)), 1);
    const auto w = test::normal_values(static_cast<std::size_t>(n), 2);
    const MatrixView<const float> view(x.data() + 1, kRows, n, n + 1);  // rows misaligned, a stride beyond n
    std::vector<float> expected(static_cast<std::size_t>(kRows * n));
    scalar::rms_norm(view, w, 1e-5F, {expected.data(), kRows, n});
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      std::vector<float> y(expected.size() + 1, 77.0F);
      rms_norm(view, w, 1e-5F, {y.data(), kRows, n});
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(y[i], expected[i], std::fabs(expected[i]) * rms_tolerance(n)) << isa_name(level) << " n=" << n;
      }
      EXPECT_EQ(y.back(), 77.0F);  // nothing written behind the last row
    }
  }
}

TEST(LayerNorm, EveryIsaAgreesWithScalar) {
  for (const std::int64_t n : test::lane_edge_lengths()) {
    const auto x = test::normal_values(static_cast<std::size_t>(kRows * (n + 3)), 3);
    const auto w = test::normal_values(static_cast<std::size_t>(n), 4);
    const auto b = test::normal_values(static_cast<std::size_t>(n), 5);
    const MatrixView<const float> view(x.data() + 1, kRows, n, n + 1);
    for (const bool affine : {true, false}) {
      const std::span<const float> weight = affine ? std::span<const float>(w) : std::span<const float>();
      const std::span<const float> bias = affine ? std::span<const float>(b) : std::span<const float>();
      std::vector<float> expected(static_cast<std::size_t>(kRows * n));
      scalar::layer_norm(view, weight, bias, 1e-5F, {expected.data(), kRows, n});
      for (const IsaLevel level : test::runnable_isa_levels()) {
        const test::ForcedIsaLevel forced(level);
        std::vector<float> y(expected.size());
        layer_norm(view, weight, bias, 1e-5F, {y.data(), kRows, n});
        for (std::size_t i = 0; i < expected.size(); ++i) {
          // x − mean cancels: the mean's error, (n/32 + 8)·2⁻²⁴·max|x|, is absolute, and grows with 1/σ. Values are
          // below 5 and σ of the few-element rows may be small: 1/σ ≤ 1/sqrt(ε) = 316 is the worst there is.
          const double scale = n < 8 ? 316.0 : 4.0;
          ASSERT_NEAR(y[i], expected[i], 5.0 * scale * 5.0 * rms_tolerance(n)) << isa_name(level) << " n=" << n;
        }
      }
    }
  }
}

TEST(LayerNorm, HandComputed) {
  const std::vector<float> x = {1, 3};  // mean 2, variance 1
  std::vector<float> y(2);
  layer_norm({x.data(), 1, 2}, std::vector<float>{10, 10}, std::vector<float>{1, 2}, 0.0F, {y.data(), 1, 2});
  EXPECT_EQ(y, (std::vector<float>{-9, 12}));
}

TEST(RmsNorm, HandComputedAndInPlace) {
  std::vector<float> x = {3, 4, 0, 0};  // mean of squares 25/4
  rms_norm({x.data(), 1, 4}, std::vector<float>{1, 2, 1, 1}, 0.0F, {x.data(), 1, 4});
  EXPECT_FLOAT_EQ(x[0], 1.2F);
  EXPECT_FLOAT_EQ(x[1], 3.2F);
  EXPECT_EQ(x[2], 0.0F);
}

}  // namespace
}  // namespace lacuna::kernels
