#include "lacuna/kernels/activation/activation.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/random_values.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

constexpr Activation kAll[] = {Activation::silu, Activation::gelu, Activation::gelu_tanh, Activation::gelu_quick,
                               Activation::relu};

// activation.hpp's bounds: relative 16·2⁻²⁴ plus the rounding of the exponent's argument, which e turns into a relative
// error of |argument|·2⁻²⁴ (≤ 2|x| + |x|³/10); gelu |x|·3e-7 absolute; relu exact. An absolute 1e-37 forgives what the
// vector exponential flushes below the normal range.
double tolerance(Activation function, float x, float expected) {
  const double magnitude = std::fabs(static_cast<double>(x));
  if (function == Activation::relu) return 0.0;
  if (function == Activation::gelu) return magnitude * 3e-7 + 1e-37;
  const double argument = 2 * magnitude + magnitude * magnitude * magnitude / 10;
  return std::fabs(static_cast<double>(expected)) * (16 + 2 * argument) * 0x1.0p-24 + 1e-37;
}

TEST(Activation, EveryIsaAgreesWithScalar) {
  for (const Activation function : kAll) {
    for (const std::int64_t n : test::lane_edge_lengths()) {
      const auto x = test::normal_values(static_cast<std::size_t>(n), 7, 4.0);
      for (const IsaLevel level : test::runnable_isa_levels()) {
        const test::ForcedIsaLevel forced(level);
        std::vector<float> y = x;
        y.push_back(55.0F);
        activate(function, std::span(y).first(x.size()));
        for (std::size_t i = 0; i < x.size(); ++i) {
          const float expected = scalar::activation(function, x[i]);
          ASSERT_NEAR(y[i], expected, tolerance(function, x[i], expected))
              << isa_name(level) << " f=" << static_cast<int>(function) << " x=" << x[i];
        }
        EXPECT_EQ(y.back(), 55.0F);
      }
    }
  }
}

TEST(Activation, GatedIsTheProduct) {
  for (const Activation function : kAll) {
    for (const std::int64_t n : test::lane_edge_lengths()) {
      const auto gate = test::normal_values(static_cast<std::size_t>(n), 8);
      const auto up = test::normal_values(static_cast<std::size_t>(n), 9);
      for (const IsaLevel level : test::runnable_isa_levels()) {
        const test::ForcedIsaLevel forced(level);
        auto activated = gate;
        activate(function, activated);
        auto y = gate;
        activate_gated(function, y, up);
        for (std::size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], activated[i] * up[i]) << isa_name(level);
      }
    }
  }
}

TEST(Activation, ExtremesStayFiniteAndNaNStaysNaN) {
  for (const Activation function : kAll) {
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      std::vector<float> x(33, -1e4F);
      x[1] = 1e4F;
      x[32] = std::numeric_limits<float>::quiet_NaN();
      activate(function, x);
      EXPECT_NEAR(x[0], 0.0F, 1e-30F);  // −1e4·e⁻⁸⁸ where the exponent is capped
      EXPECT_EQ(x[1], 1e4F);
      EXPECT_TRUE(std::isnan(x[32])) << isa_name(level) << " f=" << static_cast<int>(function);
    }
  }
}

TEST(Activation, KnownValues) {
  EXPECT_FLOAT_EQ(scalar::activation(Activation::silu, 1.0F), 0.7310586F);
  EXPECT_FLOAT_EQ(scalar::activation(Activation::gelu, 1.0F), 0.8413447F);       // Φ(1)
  EXPECT_FLOAT_EQ(scalar::activation(Activation::gelu_tanh, 1.0F), 0.8411920F);  // torch gelu(approximate="tanh")
  EXPECT_FLOAT_EQ(scalar::activation(Activation::gelu_quick, 1.0F), 0.8457958F);
  EXPECT_EQ(scalar::activation(Activation::relu, -2.0F), 0.0F);
}

}  // namespace
}  // namespace lacuna::kernels
