#include "lacuna/cluster/separation_null.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "cluster/random_points.hpp"
#include "lacuna/cluster/neighbourhood_clusters.hpp"
#include "lacuna/cluster/neighbours.hpp"
#include "lacuna/cluster/null_model.hpp"
#include "lacuna/cluster/null_test.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

// Largest difference of two empirical distribution functions.
double kolmogorov_smirnov(std::vector<double> a, std::vector<double> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  double largest = 0;
  for (const auto* from : {&a, &b}) {
    for (const double x : *from) {
      const auto share = [&](const std::vector<double>& v) {
        return static_cast<double>(std::upper_bound(v.begin(), v.end(), x) - v.begin()) / static_cast<double>(v.size());
      };
      largest = std::max(largest, std::abs(share(a) - share(b)));
    }
  }
  return largest;
}

// Features of different densities, so that both the choice and the patterns depend on them.
BitMatrix uneven_bits() {
  BitMatrix bits(60, 90);
  Random random(3);
  for (std::int64_t j = 0; j < 60; ++j) {
    for (std::int64_t r = 0; r < 90; ++r) bits.set(j, r, random.uniform() < 0.2 + 0.01 * static_cast<double>(j));
  }
  return bits;
}

TEST(SeparationNull, EqualsShufflingEveryColumnAndSearching) {
  constexpr std::int64_t kDraws = 800;
  constexpr std::int64_t kNearest = 10;
  const FeaturePatterns patterns(uneven_bits());
  const NullSampler sampler(patterns.bits(), NullModel::columns, 0, 5);
  std::vector<double> near[2], far[2], ones[2], pairs[2];
  const auto take = [&](int which, const BitMatrix& bits) {
    const auto gram = PointGram::of_patterns(bits);
    double count = 0;
    double inner = 0;
    for (std::int64_t i = 1; i < kNearest; ++i) {
      count += gram.norm(i);
      for (std::int64_t j = 1; j < i; ++j) inner += gram.distance(i, j);
    }
    near[which].push_back(gram.distance(0, 1));
    far[which].push_back(gram.distance(0, kNearest - 1));
    ones[which].push_back(count);
    pairs[which].push_back(inner);
  };
  for (std::int64_t d = 0; d < kDraws; ++d) {
    const FeaturePatterns shuffled(sampler.draw(d));
    const auto seed = derived_seed(77, static_cast<std::uint64_t>(d));
    const auto found = nearest_features(shuffled, static_cast<std::int64_t>(Random(seed).below(60)), kNearest);
    BitMatrix chosen(kNearest, 90);
    for (std::int64_t i = 0; i < kNearest; ++i)
      std::copy_n(shuffled.bits().row(found.indices[static_cast<std::size_t>(i)]), chosen.row_words(), chosen.row(i));
    take(0, chosen);
    take(1, draw_null_neighbourhood(patterns, kNearest, derived_seed(99, static_cast<std::uint64_t>(d))));
  }
  // Two samples of 800: beyond 1.95·√(2/800) = 0.0975 with probability 0.001 each; the seeds are fixed.
  for (const auto* statistic : {&near, &far, &ones, &pairs})
    EXPECT_LT(kolmogorov_smirnov((*statistic)[0], (*statistic)[1]), 0.0975);
}

double p_of(const FeaturePatterns& patterns, std::uint64_t seed, std::int64_t draws) {
  NeighbourhoodOptions run;
  run.k = {4};
  run.n = 24;
  run.seeds = 1;
  run.initialisations = 2;
  run.seed = seed;
  const double observed = mean_separations(cluster_neighbourhoods(patterns, run), run.k)[0];
  SeparationNullOptions null;
  null.k = run.k;
  null.n = run.n;
  null.initialisations = run.initialisations;
  null.draws = draws;
  null.seed = seed + 1000;
  return test_against_null(observed, draw_separation_null(patterns, null)[0], Tail::greater).p;
}

TEST(SeparationNull, GivesUniformPOnIndependentMasks) {
  constexpr int kMasks = 200;
  std::vector<double> p;
  std::vector<double> uniform;
  for (int m = 0; m < kMasks; ++m) {
    p.push_back(p_of(FeaturePatterns(test::random_bits(40, 64, 0.4, static_cast<std::uint64_t>(100 + m))),
                     static_cast<std::uint64_t>(m), 39));
  }
  std::sort(p.begin(), p.end());
  double largest = 0;
  for (int i = 0; i < kMasks; ++i) {
    // p takes the values 1/40 … 1; P(p ≤ i/40) = i/40.
    largest = std::max(
        largest,
        std::abs(static_cast<double>(std::upper_bound(p.begin(), p.end(), p[static_cast<std::size_t>(i)]) - p.begin()) /
                     kMasks -
                 p[static_cast<std::size_t>(i)]));
  }
  EXPECT_LT(largest, 1.95 / std::sqrt(kMasks));  // Kolmogorov's bound for 0.001
  EXPECT_LT(p.front(), 0.1);
  EXPECT_GT(p.back(), 0.9);
}

TEST(SeparationNull, FindsPlantedClusters) {
  EXPECT_EQ(p_of(FeaturePatterns(test::planted_bits(40, 200, 4, 0.15, 9)), 1, 99), 0.01);
}

TEST(SeparationNull, IsTheSameOnEveryThreadCount) {
  const FeaturePatterns patterns(uneven_bits());
  SeparationNullOptions options;
  options.n = 16;
  options.k = {2, 4};
  options.draws = 7;
  const int threads = thread_count();
  const auto expected = draw_separation_null(patterns, options);
  set_thread_count(3);
  EXPECT_EQ(draw_separation_null(patterns, options), expected);
  set_thread_count(threads);
  options.n = 61;
  EXPECT_THROW(draw_separation_null(patterns, options), Error);
}

TEST(NeighbourhoodClusters, TakeTheNearestFeaturesOfEachSeed) {
  const FeaturePatterns patterns(uneven_bits());
  NeighbourhoodOptions options;
  options.k = {2, 3};
  options.n = 12;
  options.seeds = 3;
  options.seed = 40;
  const auto runs = cluster_neighbourhoods(patterns, options);
  ASSERT_EQ(runs.size(), 6U);
  EXPECT_EQ(runs[0].indices, nearest_features(patterns, runs[0].feature, 12).indices);
  EXPECT_EQ(runs[0].indices, runs[1].indices);
  EXPECT_EQ(runs[5].seed, 42U);
  EXPECT_EQ(runs[5].clustering.k, 3);
  options.feature = 60;
  EXPECT_THROW(cluster_neighbourhoods(patterns, options), Error);
}

}  // namespace
}  // namespace lacuna
