#include "lacuna/cluster/exact_coherence.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "lacuna/cluster/null_model.hpp"
#include "lacuna/core/error.hpp"
#include "random_patterns.hpp"

namespace lacuna {
namespace {

TEST(ExactCoherence, HandComputed) {
  // Blocks {0, 1} and {2, 3} of 2 rows, one non-zero each: a block has one all-zero row with probability 1/2, else
  // none.
  const FeaturePatterns patterns(test::features_of({"10", "10", "01", "01"}));
  const auto exact = exact_coherence(patterns, stored_order(4), 2);
  EXPECT_NEAR(exact.mean, 0.25, 1e-14);                 // one of four rows of blocks
  EXPECT_NEAR(exact.std, std::sqrt(0.5) / 4.0, 1e-14);  // variance 1/4 each
  EXPECT_NEAR(exact.z.value(), 0.25 / (std::sqrt(0.5) / 4.0), 1e-12);
  EXPECT_NEAR(exact.p.value(), 0.25, 1e-14);  // both have one, as observed
  const auto apart = exact_coherence(patterns, std::vector<std::int64_t>{0, 2, 1, 3}, 2);
  EXPECT_NEAR(apart.p.value(), 1.0, 1e-14);
}

TEST(ExactCoherence, DrawsOfTheNullModelAgree) {
  constexpr std::int64_t kFeatures = 21;  // the last block has five
  constexpr int kDraws = 4000;
  const auto features = test::random_features(kFeatures, 90, 5, 0.3);
  const FeaturePatterns patterns(features);
  const auto exact = exact_coherence(patterns, stored_order(kFeatures), 8);
  const double observed = block_coherence(patterns, stored_order(kFeatures), 8).mean;
  const NullSampler sampler(features, NullModel::columns, 0, 3);
  double sum = 0.0;
  double square = 0.0;
  int as_large = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double mean = block_coherence(FeaturePatterns(sampler.draw(i)), stored_order(kFeatures), 8).mean;
    sum += mean;
    square += mean * mean;
    as_large += mean >= observed ? 1 : 0;
  }
  const double mean = sum / kDraws;
  const double share = static_cast<double>(as_large) / kDraws;
  const double p = exact.p.value();
  // Four standard errors of a mean and of a binomial share; of a standard deviation, 1/√(2n) for normal draws, eight.
  EXPECT_NEAR(mean, exact.mean, 4.0 * exact.std / std::sqrt(kDraws));
  EXPECT_NEAR(share, p, 4.0 * std::sqrt(p * (1.0 - p) / kDraws));
  EXPECT_NEAR(std::sqrt(square / kDraws - mean * mean) / exact.std, 1.0, 8.0 / std::sqrt(2.0 * kDraws));
  EXPECT_GT(p, 0.001);
  EXPECT_LT(p, 0.999);
}

TEST(ExactCoherence, WithoutVariationThereIsNoZ) {
  const FeaturePatterns full(test::features_of({"11", "11"}));
  const auto exact = exact_coherence(full, stored_order(2), 2);
  EXPECT_EQ(exact.mean, 0.0);
  EXPECT_FALSE(exact.z.has_value());
  EXPECT_NEAR(exact.p.value(), 1.0, 1e-14);
  EXPECT_THROW(exact_coherence(full, stored_order(2), 0), Error);
}

}  // namespace
}  // namespace lacuna
