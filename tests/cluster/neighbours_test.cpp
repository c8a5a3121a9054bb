#include "lacuna/cluster/neighbours.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "random_patterns.hpp"
#include "support/isa_levels.hpp"

namespace lacuna {
namespace {

using Indices = std::vector<std::int64_t>;

// Itself, then all others by (distance, index).
Indices by_definition(const BitMatrix& features, std::int64_t feature, std::int64_t n) {
  Indices order;
  for (std::int64_t j = 0; j < features.rows(); ++j) {
    if (j != feature) order.push_back(j);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return test::distance(features, feature, a) < test::distance(features, feature, b);
  });
  order.insert(order.begin(), feature);
  order.resize(static_cast<std::size_t>(n));
  return order;
}

TEST(Neighbours, HandCounted) {
  //                                           0       1       2       3       4
  const FeaturePatterns patterns(test::features_of({"1100", "1101", "0011", "1100", "1000"}));
  const auto found = nearest_features(patterns, 3, 5);
  EXPECT_EQ(found.indices, (Indices{3, 0, 1, 4, 2}));  // itself before its equal with the lower index
  EXPECT_EQ(found.distances, (std::vector<std::uint32_t>{0, 0, 1, 1, 4}));
}

TEST(Neighbours, FeaturesAreColumnsOfTheMatrix) {
  const std::vector<float> weights = {1,     0, 2,  //
                                      -0.0F, 3, 4};
  const auto patterns = FeaturePatterns::columns(make_tensor_view(DType::f32, {2, 3}, weights.data()));
  EXPECT_EQ(patterns.count(), 3);
  EXPECT_EQ(patterns.rows(), 2);
  EXPECT_EQ(patterns.ones(), (std::vector<std::uint32_t>{1, 1, 2}));
  EXPECT_EQ(distances_to(patterns, 0), (std::vector<std::uint32_t>{0, 2, 1}));
  EXPECT_DOUBLE_EQ(patterns.density(), 4.0 / 6.0);
}

TEST(Neighbours, OneAndAllFollowTheDefinitionOnEveryIsaAndThreadCount) {
  const auto features = test::random_features(333, 70, 1, 0.3);  // 70 rows: many ties
  const int threads_before = thread_count();
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    for (const int threads : {1, 2, 5}) {
      set_thread_count(threads);
      const FeaturePatterns patterns(features);
      for (const std::int64_t n : {std::int64_t{1}, std::int64_t{8}, std::int64_t{100}, std::int64_t{333}}) {
        const auto graph = nearest_of_all(patterns, n);
        for (const std::int64_t f : {0, 7, 8, 200, 332}) {
          const auto want = by_definition(features, f, n);
          const auto one = nearest_features(patterns, f, n);
          ASSERT_EQ(one.indices, want) << isa_name(level) << " n " << n;
          ASSERT_EQ(Indices(graph.indices_of(f), graph.indices_of(f) + n), want) << isa_name(level) << " n " << n;
          for (std::int64_t i = 0; i < n; ++i) {
            const auto at = static_cast<std::size_t>(i);
            ASSERT_EQ(one.distances[at], test::distance(features, f, want[at]));
            ASSERT_EQ(graph.distances_of(f)[i], one.distances[at]);
          }
        }
      }
    }
  }
  set_thread_count(threads_before);
}

TEST(Neighbours, BlocksOfManyFeaturesJoinWithoutASeam) {
  const auto features = test::random_features(2500, 65, 2);  // more than two blocks of columns
  const FeaturePatterns patterns(features);
  const auto graph = nearest_of_all(patterns, 20);
  for (const std::int64_t f : {0, 1023, 1024, 2499}) {
    EXPECT_EQ(Indices(graph.indices_of(f), graph.indices_of(f) + 20), by_definition(features, f, 20));
  }
}

TEST(Neighbours, BadArgumentsAreErrors) {
  const FeaturePatterns patterns(test::random_features(5, 9, 3));
  EXPECT_THROW(nearest_features(patterns, 5, 2), Error);
  EXPECT_THROW(nearest_features(patterns, -1, 2), Error);
  EXPECT_THROW(nearest_features(patterns, 0, 6), Error);
  EXPECT_THROW(nearest_of_all(patterns, 0), Error);
  EXPECT_THROW(distances_to(FeaturePatterns(BitMatrix(0, 0)), 0), Error);
}

TEST(Neighbours, StopsWhenAsked) {
  const FeaturePatterns patterns(test::random_features(50, 9, 3));
  const std::atomic<bool> stop{true};
  RunContext context;
  context.stop = &stop;
  EXPECT_THROW(nearest_of_all(patterns, 3, context), Error);
}

}  // namespace
}  // namespace lacuna
