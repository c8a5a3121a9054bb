#include "lacuna/cluster/balanced.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "cluster/random_points.hpp"
#include "lacuna/cluster/cluster_orders.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/permutation.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

double inertia_of(const PointGram& gram, const std::vector<int>& labels, int k) {
  std::vector<double> within(static_cast<std::size_t>(k), 0.0);
  std::vector<double> sizes(static_cast<std::size_t>(k), 0.0);
  double norms = 0;
  for (std::int64_t i = 0; i < gram.count(); ++i) {
    const auto c = static_cast<std::size_t>(labels[static_cast<std::size_t>(i)]);
    norms += gram.norm(i);
    sizes[c] += 1;
    for (std::int64_t j = 0; j < gram.count(); ++j)
      if (labels[static_cast<std::size_t>(j)] == labels[static_cast<std::size_t>(i)]) within[c] += gram.row(i)[j];
  }
  for (std::size_t c = 0; c < sizes.size(); ++c) norms -= within[c] / sizes[c];
  return norms;
}

TEST(Balanced, EveryClusterHasItsSize) {
  const auto gram = PointGram::of_patterns(test::random_bits(43, 100, 0.5, 1));
  const auto result = balanced_clusters(gram, {8, 3, 0});
  auto sizes = cluster_sizes(result);
  EXPECT_EQ(sizes, (std::vector<std::int64_t>{8, 8, 8, 8, 8, 3}));
  EXPECT_NEAR(result.inertia, inertia_of(gram, result.labels, 6), 1e-9 * result.inertia);
}

TEST(Balanced, NoExchangeOfTwoPointsIsBetter) {
  const auto gram = PointGram::of_patterns(test::random_bits(32, 80, 0.5, 2));
  const auto result = balanced_clusters(gram, {8, 2, 1});
  for (std::size_t i = 0; i < 32; ++i) {
    for (std::size_t j = i + 1; j < 32; ++j) {
      auto labels = result.labels;
      std::swap(labels[i], labels[j]);
      EXPECT_GE(inertia_of(gram, labels, 4), result.inertia - 1e-6);
    }
  }
}

TEST(Balanced, FindsPlantedGroups) {
  const auto result = balanced_clusters(PointGram::of_patterns(test::planted_bits(64, 400, 8, 0.15, 3)), {8, 5, 2});
  for (std::size_t i = 8; i < 64; ++i) EXPECT_EQ(result.labels[i], result.labels[i % 8]);
}

TEST(Balanced, IsTheSameOnEveryThreadCount) {
  const auto gram = PointGram::of_patterns(test::random_bits(50, 90, 0.4, 4));
  const auto expected = balanced_clusters(gram, {8, 6, 3}).labels;
  const int threads = thread_count();
  set_thread_count(1);
  EXPECT_EQ(balanced_clusters(gram, {8, 6, 3}).labels, expected);
  set_thread_count(threads);
  EXPECT_THROW(balanced_clusters(gram, {0, 6, 3}), Error);
}

TEST(ClusterOrders, BringPlantedFeaturesTogether) {
  // Groups of eight columns with common zeros in 60 % of rows, scattered.
  const FeaturePatterns patterns(test::planted_bits(128, 500, 16, 0.02, 6));
  const double stored = block_coherence(patterns, stored_order(128), 8).mean;
  const double balanced = block_coherence(patterns, balanced_order(patterns, 8, 1), 8).mean;
  const double labelled = block_coherence(patterns, kmeans_order(patterns, 16, 1), 8).mean;
  EXPECT_LT(stored, 0.05);
  EXPECT_GT(balanced, 0.35);  // half of the rows of a centre, less 1 − 0.98^8 of them
  EXPECT_GT(labelled, 0.3);
}

TEST(ClusterOrders, ArePermutationsOfManyFeatures) {
  const FeaturePatterns patterns(test::planted_bits(kClusterSample + 203, 70, 5, 0.2, 7));
  for (const auto& order : {kmeans_order(patterns, 5, 3), balanced_order(patterns, 8, 3)})
    EXPECT_NO_THROW(require_permutation(order, patterns.count()));
  // A feature outside the sample joins the centre it was planted at, but for the few that noise moves.
  const auto labels = kmeans_labels(patterns, 5, 3);
  std::int64_t agree = 0;
  for (std::size_t i = 5; i < labels.size(); ++i) agree += labels[i] == labels[i % 5] ? 1 : 0;
  EXPECT_GT(agree, patterns.count() * 9 / 10);
}

}  // namespace
}  // namespace lacuna
