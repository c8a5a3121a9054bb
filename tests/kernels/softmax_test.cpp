#include "lacuna/kernels/softmax/softmax.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/random_values.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

double exact_log_sum_exp(const std::vector<float>& x) {
  double sum = 0.0;
  for (const float value : x) sum += std::exp(static_cast<double>(value));
  return std::log(sum);
}

TEST(Softmax, EveryIsaAgreesWithScalarInsideTheWindow) {
  for (const std::int64_t n : test::lane_edge_lengths()) {
    const auto scores = test::normal_values(static_cast<std::size_t>(n), 10, 5.0);
    for (const std::int64_t begin : {std::int64_t{0}, n / 3}) {
      for (const std::int64_t end : {begin + 1, n}) {
        auto expected = scores;
        scalar::softmax_window(expected, begin, end);
        for (const IsaLevel level : test::runnable_isa_levels()) {
          const test::ForcedIsaLevel forced(level);
          auto y = scores;
          softmax_window(y, begin, end);
          for (std::size_t i = 0; i < y.size(); ++i) {
            // Exponentials within 2 ulp, their arguments (below 40) rounded to 40·2⁻²⁴, at most n/8 + 8 roundings in
            // the sum, one division and one product.
            const double relative = (4 + 40 + static_cast<double>(n) / 8 + 8 + 2) * 0x1.0p-24;
            ASSERT_NEAR(y[i], expected[i], expected[i] * relative) << isa_name(level) << " n=" << n << " i=" << i;
          }
        }
      }
    }
  }
}

TEST(Softmax, OutsideTheWindowIsZero) {
  std::vector<float> scores = {9, 1, 1, 9};
  softmax_window(scores, 1, 3);
  EXPECT_EQ(scores, (std::vector<float>{0, 0.5F, 0.5F, 0}));
}

TEST(TokenDistribution, BlocksDoNotMatter) {
  const auto logits = test::normal_values(5000, 11, 8.0);
  const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    for (const std::size_t block : {1UL, 17UL, 512UL, 1000UL, 5000UL}) {
      TokenDistribution state;
      for (std::size_t i = 0; i < logits.size(); i += block) {
        state.add(std::span(logits).subspan(i, std::min(block, logits.size() - i)));
      }
      EXPECT_EQ(state.seen, 5000);
      EXPECT_EQ(state.best, best);
      // Relative error of the f32 exponentials (2 ulp + an argument below 80) and of sums of 512: absolute in the log.
      EXPECT_NEAR(state.log_sum_exp(), exact_log_sum_exp(logits), (4 + 80 + 64) * 0x1.0p-24) << isa_name(level);
    }
  }
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Wherever it stands: in a whole vector of lanes, in the rest behind it, in another block than the greatest logit.
TEST(TokenDistribution, OneNaNMakesTheSumNaN) {
  const auto logits = test::normal_values(1100, 15, 8.0);
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    for (const std::size_t at : {0UL, 1UL, 15UL, 16UL, 511UL, 512UL, 700UL, 1098UL, 1099UL}) {
      for (const float value : {kNaN, -kNaN}) {
        auto damaged = logits;
        damaged[at] = value;
        TokenDistribution one;
        one.add(damaged);
        EXPECT_TRUE(std::isnan(one.log_sum_exp())) << isa_name(level) << " at " << at;
        TokenDistribution blocks;
        for (std::size_t i = 0; i < 1100; i += 100) blocks.add(std::span(damaged).subspan(i, 100));
        EXPECT_TRUE(std::isnan(blocks.log_sum_exp())) << isa_name(level) << " at " << at;
        DistributionPair pair;
        pair.add(damaged, logits);
        EXPECT_TRUE(std::isnan(pair.kl_divergence())) << isa_name(level) << " at " << at;
        EXPECT_FALSE(std::isnan(pair.b.log_sum_exp())) << isa_name(level) << " at " << at;
      }
    }
  }
}

TEST(TokenDistribution, MinusInfinityIsNoProbability) {
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    auto logits = std::vector<float>(40, kNever);
    logits[17] = logits[39] = 2.0F;
    TokenDistribution state;
    state.add(logits);
    EXPECT_NEAR(state.log_sum_exp(), 2.0 + std::log(2.0), 1e-6) << isa_name(level);  // e^0 twice, within 2 ulp
  }
}

TEST(Softmax, OneNaNMakesTheWindowNaN) {
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    for (const std::size_t at : {2UL, 18UL, 36UL}) {
      auto scores = test::normal_values(40, 16, 3.0);
      scores[at] = kNaN;
      softmax_window(scores, 2, 37);
      for (std::size_t i = 2; i < 37; ++i) ASSERT_TRUE(std::isnan(scores[i])) << isa_name(level) << " at " << at;
      EXPECT_EQ(scores[1], 0.0F);
      EXPECT_EQ(scores[37], 0.0F);
    }
  }
}

TEST(TokenDistribution, TheLowestIdWinsTies) {
  TokenDistribution state;
  state.add(std::vector<float>{1, 3, 3});
  state.add(std::vector<float>{3, 2});
  EXPECT_EQ(state.best, 1);
}

TEST(DistributionPair, DivergenceAgreesWithTheDefinition) {
  const auto a = test::normal_values(3000, 12, 3.0);
  auto b = a;
  const auto noise = test::normal_values(3000, 13, 0.5);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] += noise[i];
  const double lse_a = exact_log_sum_exp(a);
  const double lse_b = exact_log_sum_exp(b);
  double expected = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double log_p = static_cast<double>(a[i]) - lse_a;
    expected += std::exp(log_p) * (log_p - (static_cast<double>(b[i]) - lse_b));
  }
  ASSERT_GT(expected, 0.01);
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    for (const std::size_t block : {100UL, 1024UL, 3000UL}) {
      DistributionPair pair;
      for (std::size_t i = 0; i < a.size(); i += block) {
        const std::size_t n = std::min(block, a.size() - i);
        pair.add(std::span(a).subspan(i, n), std::span(b).subspan(i, n));
      }
      // Three terms of the size of the logits' difference (below 3), each with the error of the test above.
      EXPECT_NEAR(pair.kl_divergence(), expected, 3 * 3 * (4 + 40 + 64) * 0x1.0p-24) << isa_name(level);
    }
  }
}

TEST(DistributionPair, OfEqualLogitsIsZero) {
  const auto a = test::normal_values(1000, 14, 3.0);
  DistributionPair pair;
  pair.add(a, a);
  EXPECT_EQ(pair.kl_divergence(), 0.0);
  EXPECT_EQ(pair.a.best, pair.b.best);
}

}  // namespace
}  // namespace lacuna::kernels
