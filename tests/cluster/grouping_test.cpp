#include "lacuna/cluster/grouping.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "random_patterns.hpp"
#include "support/isa_levels.hpp"

namespace lacuna {
namespace {

using Features = std::vector<std::int64_t>;

Features flat(const std::vector<FeatureGroup>& groups) {
  Features all;
  for (const auto& group : groups) all.insert(all.end(), group.features.begin(), group.features.end());
  return all;
}

// The definition, with the seeds of the groups given: each takes its nearest unused features.
void expect_greedy(const BitMatrix& features, const std::vector<FeatureGroup>& groups, std::int64_t size) {
  std::set<std::int64_t> unused;
  for (std::int64_t f = 0; f < features.rows(); ++f) unused.insert(f);
  for (const auto& group : groups) {
    ASSERT_TRUE(unused.count(group.seed_feature));
    unused.erase(group.seed_feature);
    Features nearest(unused.begin(), unused.end());
    std::stable_sort(nearest.begin(), nearest.end(), [&](std::int64_t a, std::int64_t b) {
      return test::distance(features, group.seed_feature, a) < test::distance(features, group.seed_feature, b);
    });
    nearest.resize(std::min(nearest.size(), static_cast<std::size_t>(size - 1)));
    Features want = {group.seed_feature};
    want.insert(want.end(), nearest.begin(), nearest.end());
    ASSERT_EQ(group.features, want);
    for (const auto f : nearest) unused.erase(f);
  }
  EXPECT_TRUE(unused.empty());
}

TEST(Grouping, ExhaustiveTakesTheNearestUnusedUntilNoneIsLeft) {
  for (const auto& [count, size] :
       {std::pair<int, int>{1, 8}, {7, 8}, {8, 8}, {61, 8}, {700, 8}, {700, 3}, {130, 64}, {20, 1}}) {
    const auto features = test::random_features(count, 40, 9, 0.4);  // few rows: many ties
    const auto groups = group_features(FeaturePatterns(features), size, 5);
    EXPECT_EQ(static_cast<int>(groups.size()), (count + size - 1) / size);
    expect_greedy(features, groups, size);
  }
}

TEST(Grouping, IsaAndThreadsDoNotMatterTheSeedDoes) {
  const FeaturePatterns patterns(test::random_features(900, 100, 2));
  const auto want = flat(group_features(patterns, 8, 1));
  const int threads_before = thread_count();
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    for (const int threads : {1, 3}) {
      set_thread_count(threads);
      EXPECT_EQ(flat(group_features(patterns, 8, 1)), want);
    }
  }
  set_thread_count(threads_before);
  EXPECT_NE(flat(group_features(patterns, 8, 2)), want);
}

TEST(Grouping, PlantedGroupsAreFound) {
  auto features = test::random_features(80, 200, 3);
  for (std::int64_t f = 0; f < 80; ++f) {  // ten patterns, eight features each, strewn
    for (std::int64_t w = 0; w < features.row_words(); ++w) features.row(f)[w] = features.row(f % 10)[w];
  }
  for (const auto& group : group_features(FeaturePatterns(features), 8, 4)) {
    for (const auto f : group.features) EXPECT_EQ(f % 10, group.seed_feature % 10);
  }
}

TEST(Grouping, SampledGroupsHaveDistinctSeedsAndShareFeatures) {
  const FeaturePatterns patterns(test::random_features(70, 30, 3));
  const auto groups = sample_groups(patterns, 64, 8, 7);
  std::set<std::int64_t> seeds;
  for (const auto& group : groups) {
    seeds.insert(group.seed_feature);
    EXPECT_EQ(group.features.size(), 8U);
    EXPECT_EQ(group.features[0], group.seed_feature);
  }
  EXPECT_EQ(seeds.size(), 64U);
}

TEST(Grouping, MetricsHandCounted) {
  // rows of W restricted to the three features: 110 110 000 111 000 010
  const FeaturePatterns patterns(test::features_of({"110100", "110101", "000100"}));
  const auto metrics = measure_group(patterns, std::vector<std::int64_t>{0, 1, 2});
  EXPECT_EQ(metrics.zeros, 2);
  EXPECT_EQ(metrics.ones, 1);
  EXPECT_EQ(metrics.unique_rows, 4);
  EXPECT_EQ(metrics.duplicates, 2);
  EXPECT_EQ(metrics.total_dups, 2);
  EXPECT_DOUBLE_EQ(metrics.density, 8.0 / 18.0);
  // distances 0-1 1, 0-2 2, 1-2 3 of 6 rows
  EXPECT_DOUBLE_EQ(metrics.mean_distance, 6.0 / 3.0 / 6.0);
  EXPECT_DOUBLE_EQ(metrics.mean_pairwise_distance, 12.0 / 9.0 / 6.0);
}

TEST(Grouping, MetricsFollowTheDefinitionForEverySize) {
  const auto features = test::random_features(64, 150, 8, 0.15);
  const FeaturePatterns patterns(features);
  for (const std::size_t size : {1U, 2U, 8U, 12U, 13U, 63U, 64U}) {  // a table up to 12, sorted keys beyond
    Features group(size);
    std::iota(group.begin(), group.end(), 64 - static_cast<std::int64_t>(size));
    std::map<std::string, int> kinds;
    for (std::int64_t r = 0; r < 150; ++r) {
      std::string row;
      for (const auto f : group) row += features.get(f, r) ? '1' : '0';
      ++kinds[row];
    }
    double distance = 0;
    for (const auto a : group) {
      for (const auto b : group) distance += test::distance(features, a, b);
    }
    const auto metrics = measure_group(patterns, group);
    EXPECT_EQ(metrics.unique_rows, static_cast<std::int64_t>(kinds.size()));
    EXPECT_EQ(metrics.total_dups, 150 - metrics.unique_rows);
    EXPECT_EQ(metrics.duplicates,
              std::count_if(kinds.begin(), kinds.end(), [](const auto& k) { return k.second > 1; }));
    EXPECT_EQ(metrics.zeros, kinds[std::string(size, '0')]);
    EXPECT_EQ(metrics.ones, kinds[std::string(size, '1')]);
    EXPECT_DOUBLE_EQ(metrics.mean_pairwise_distance, distance / static_cast<double>(size * size) / 150.0);
  }
}

TEST(Grouping, BadArgumentsAreErrors) {
  const FeaturePatterns patterns(BitMatrix(3, 5));
  EXPECT_THROW(group_features(patterns, 0, 1), Error);
  EXPECT_THROW(group_features(patterns, 65, 1), Error);
  EXPECT_THROW(sample_groups(patterns, 4, 8, 1), Error);
  EXPECT_THROW(sample_groups(patterns, 0, 8, 1), Error);
  EXPECT_THROW(measure_group(patterns, std::vector<std::int64_t>{0, 3}), Error);
  EXPECT_THROW(measure_group(patterns, std::vector<std::int64_t>{}), Error);
  EXPECT_TRUE(group_features(FeaturePatterns(BitMatrix(0, 5)), 8, 1).empty());
}

}  // namespace
}  // namespace lacuna
