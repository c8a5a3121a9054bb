#include "lacuna/cluster/pairs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "lacuna/core/threads.hpp"
#include "random_patterns.hpp"
#include "support/isa_levels.hpp"

namespace lacuna {
namespace {

TEST(Pairs, HandCounted) {
  // distances: 0-1 1, 0-2 4, 1-2 3 of 4 rows
  const auto pairs = all_pair_distances(FeaturePatterns(test::features_of({"1100", "1101", "0011"})));
  EXPECT_EQ(pairs.pairs(), 3U);
  EXPECT_EQ(pairs.histogram, (std::vector<std::uint64_t>{0, 1, 0, 1, 1}));
  EXPECT_DOUBLE_EQ(pairs.mean(), 8.0 / 3.0 / 4.0);
  EXPECT_DOUBLE_EQ(pairs.mean_with_diagonal(), 16.0 / 9.0 / 4.0);
  EXPECT_DOUBLE_EQ(pairs.min(), 0.25);
  EXPECT_DOUBLE_EQ(pairs.max(), 1.0);
  EXPECT_DOUBLE_EQ(pairs.quantile(0.5), 0.75);
  EXPECT_NEAR(pairs.std(), 0.3118047822311618, 1e-15);  // numpy.std([.25, 1, .75])
  const auto cdf = pairs.cdf();
  ASSERT_EQ(cdf.size(), 3U);
  EXPECT_DOUBLE_EQ(cdf[1].distance, 0.75);
  EXPECT_DOUBLE_EQ(cdf[1].share, 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(cdf[2].share, 1.0);
}

TEST(Pairs, HistogramFollowsTheDefinitionOnEveryIsaAndThreadCount) {
  const auto features = test::random_features(611, 83, 4, 0.4);
  std::vector<std::uint64_t> want(84);
  for (std::int64_t i = 0; i < features.rows(); ++i) {
    for (std::int64_t j = i + 1; j < features.rows(); ++j) ++want[test::distance(features, i, j)];
  }
  const int threads_before = thread_count();
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    for (const int threads : {1, 2, 7}) {
      set_thread_count(threads);
      EXPECT_EQ(all_pair_distances(FeaturePatterns(features)).histogram, want) << isa_name(level) << " " << threads;
    }
  }
  set_thread_count(threads_before);
}

TEST(Pairs, SlabsAndBlocksJoin) {
  const auto features = test::random_features(2100, 70, 5);
  std::vector<std::uint64_t> want(71);
  for (std::int64_t i = 0; i < features.rows(); ++i) {
    for (std::int64_t j = i + 1; j < features.rows(); ++j) ++want[test::distance(features, i, j)];
  }
  EXPECT_EQ(all_pair_distances(FeaturePatterns(features)).histogram, want);
}

TEST(Pairs, RowsOfTheFullMatrixFollowTheDefinition) {
  const auto features = test::random_features(70, 33, 6);
  std::int64_t next = 0;
  for_each_distance_row(FeaturePatterns(features), [&](std::int64_t first, std::span<const std::uint32_t> distances) {
    ASSERT_EQ(first, next);
    for (std::size_t at = 0; at < distances.size(); ++at) {
      const auto i = first + static_cast<std::int64_t>(at) / 70;
      ASSERT_EQ(distances[at], test::distance(features, i, static_cast<std::int64_t>(at) % 70));
    }
    next = first + static_cast<std::int64_t>(distances.size()) / 70;
  });
  EXPECT_EQ(next, 70);
}

TEST(Pairs, NothingToPairIsZero) {
  for (const auto& features : {BitMatrix(0, 0), BitMatrix(0, 5), BitMatrix(1, 5), BitMatrix(3, 0)}) {
    const auto pairs = all_pair_distances(FeaturePatterns(features));
    EXPECT_EQ(pairs.mean(), 0.0);
    EXPECT_EQ(pairs.mean_with_diagonal(), 0.0);
    EXPECT_EQ(pairs.min(), 0.0);
    EXPECT_EQ(pairs.max(), 0.0);
    EXPECT_EQ(pairs.std(), 0.0);
  }
}

}  // namespace
}  // namespace lacuna
