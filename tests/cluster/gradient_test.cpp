#include "lacuna/cluster/gradient.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "lacuna/core/error.hpp"
#include "random_patterns.hpp"

namespace lacuna {
namespace {

TEST(Gradient, AscendsFromTheFeatureOverDistinctOthers) {
  const auto features = test::random_features(40, 65, 1);
  const FeaturePatterns patterns(features);
  const auto gradient = coactivation_gradient(patterns, 17, 20, 3);
  ASSERT_EQ(gradient.indices.size(), 21U);
  EXPECT_EQ(gradient.indices[0], 17);
  EXPECT_TRUE(std::is_sorted(gradient.distances.begin(), gradient.distances.end()));
  EXPECT_EQ(std::set<std::int64_t>(gradient.indices.begin(), gradient.indices.end()).size(), 21U);
  for (std::size_t i = 0; i < 21; ++i) {
    EXPECT_EQ(gradient.distances[i], test::distance(features, 17, gradient.indices[i]));
  }
}

TEST(Gradient, SeedDecidesAndEveryOtherFeatureIsDrawnAlike) {
  const FeaturePatterns patterns(test::random_features(11, 65, 1));
  EXPECT_EQ(coactivation_gradient(patterns, 4, 5, 8).indices, coactivation_gradient(patterns, 4, 5, 8).indices);
  std::vector<int> drawn(11);
  constexpr int kDraws = 4000;
  for (int seed = 0; seed < kDraws; ++seed) {
    for (const auto j : coactivation_gradient(patterns, 4, 3, static_cast<std::uint64_t>(seed)).indices) {
      ++drawn[static_cast<std::size_t>(j)];
    }
  }
  // Each of 10 others is drawn with probability 0.3: mean 1200, standard deviation sqrt(4000·0.3·0.7) = 29. Five of
  // them.
  for (std::size_t j = 0; j < 11; ++j) EXPECT_NEAR(drawn[j], j == 4 ? kDraws : 1200, 145) << j;
}

TEST(Gradient, EqualDistancesKeepTheOrderOfTheDraw) {
  const FeaturePatterns patterns(BitMatrix(30, 5));  // all distances 0
  std::set<std::vector<std::int64_t>> orders;
  for (std::uint64_t seed = 0; seed < 5; ++seed) orders.insert(coactivation_gradient(patterns, 2, 29, seed).indices);
  EXPECT_EQ(orders.size(), 5U);
  for (const auto& order : orders) EXPECT_EQ(order[0], 2);
}

TEST(Gradient, PatternsOfFeaturesAreTheirRows) {
  const auto features = test::features_of({"110", "001", "111"});
  EXPECT_EQ(patterns_of(FeaturePatterns(features), {2, 0}), test::features_of({"111", "110"}));
}

TEST(Gradient, BadArgumentsAreErrors) {
  const FeaturePatterns patterns(BitMatrix(3, 5));
  EXPECT_THROW(coactivation_gradient(patterns, 3, 1, 0), Error);
  EXPECT_THROW(coactivation_gradient(patterns, 0, 3, 0), Error);
  EXPECT_THROW(coactivation_gradient(patterns, 0, -1, 0), Error);
}

}  // namespace
}  // namespace lacuna
