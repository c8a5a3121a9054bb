#include "lacuna/cluster/coherence.hpp"

#include <gtest/gtest.h>

#include "lacuna/cluster/grouping.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/permutation.hpp"
#include "random_patterns.hpp"

namespace lacuna {
namespace {

TEST(Coherence, HandCounted) {
  const FeaturePatterns patterns(test::features_of({"1000", "0100", "0001", "1001", "0000"}));
  const auto stored = block_coherence(patterns, stored_order(5), 2);
  EXPECT_EQ(stored.groups, (std::vector<double>{0.5, 0.5, 1.0}));  // the last group is feature 4 alone
  EXPECT_DOUBLE_EQ(stored.mean, 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(stored.skipped, (2 * 0.5 + 2 * 0.5 + 1.0) / 5.0);
  const auto other = block_coherence(patterns, FeatureOrder{0, 3, 4, 1, 2}, 2);
  EXPECT_EQ(other.groups, (std::vector<double>{0.5, 0.75, 0.75}));
}

TEST(Coherence, OneGroupHoldsAllWhenTheBlockIsLarger) {
  const FeaturePatterns patterns(test::features_of({"1000", "0100"}));
  EXPECT_EQ(block_coherence(patterns, stored_order(2), 100).groups, (std::vector<double>{0.5}));
  EXPECT_TRUE(block_coherence(FeaturePatterns(BitMatrix(0, 4)), stored_order(0), 8).groups.empty());
}

TEST(Coherence, IndependentColumnsGiveTheProductOfTheirZeros) {
  const FeaturePatterns patterns(test::random_features(800, 5000, 6));
  const double expected = independent_coherence(0.5, 8);
  EXPECT_NEAR(expected, 0.0039, 1e-5);
  // 100 groups × 5000 rows of probability 1/256: standard deviation sqrt(p(1−p)/500000) = 8.8e-5. Five of them.
  EXPECT_NEAR(block_coherence(patterns, stored_order(800), 8).mean, expected, 4.5e-4);
}

TEST(Coherence, OrdersPutLikeFeaturesTogether) {
  EXPECT_EQ(label_order(std::vector<int>{2, 0, 1, 0}), (FeatureOrder{1, 3, 2, 0}));
  const FeaturePatterns patterns(test::features_of({"1100", "0011", "1101", "1100"}));
  EXPECT_EQ(gradient_order(patterns, 3), (FeatureOrder{3, 0, 2, 1}));
  EXPECT_EQ(frequency_order(patterns), (FeatureOrder{2, 0, 1, 3}));  // 3 ones, then 2 each as stored
  const auto groups = group_features(patterns, 2, 1);
  const auto order = grouped_order(groups);
  require_permutation(order, 4);
  EXPECT_EQ(order[0], groups[0].seed_feature);
}

TEST(Coherence, LevelsAreTheScriptsOnes) {
  EXPECT_EQ(coherence_level(0.41), "HIGH");
  EXPECT_EQ(coherence_level(0.4), "MEDIUM");
  EXPECT_EQ(coherence_level(0.2), "LOW");
  EXPECT_FALSE(has_block_structure(0.3));
  EXPECT_TRUE(has_block_structure(0.31));
}

TEST(Coherence, OnlyPermutationsOrder) {
  const FeaturePatterns patterns(BitMatrix(3, 4));
  for (const auto& order : {FeatureOrder{0, 1}, FeatureOrder{0, 1, 1}, FeatureOrder{0, 1, 3}, FeatureOrder{0, -1, 2}}) {
    EXPECT_THROW(block_coherence(patterns, order, 2), Error);
  }
  EXPECT_THROW(block_coherence(patterns, stored_order(3), 0), Error);
}

}  // namespace
}  // namespace lacuna
