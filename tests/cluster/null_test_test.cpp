#include "lacuna/cluster/null_test.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <numeric>

#include "lacuna/cluster/coherence.hpp"
#include "lacuna/cluster/grouping.hpp"
#include "lacuna/cluster/neighbours.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"
#include "random_patterns.hpp"

namespace lacuna {
namespace {

using Values = std::vector<double>;

TEST(NullTest, HandComputed) {
  const Values drawn = {1, 2, 3, 4};
  const auto test = test_against_null(4, drawn, Tail::greater);
  EXPECT_EQ(test.draws, 4);
  EXPECT_DOUBLE_EQ(test.mean, 2.5);
  EXPECT_DOUBLE_EQ(test.std, std::sqrt(5.0 / 3.0));
  EXPECT_DOUBLE_EQ(*test.z, 1.5 / std::sqrt(5.0 / 3.0));
  EXPECT_DOUBLE_EQ(test.p, 2.0 / 5.0);  // itself and the draw that equals it
  EXPECT_DOUBLE_EQ(test_against_null(4.5, drawn, Tail::greater).p, 0.2);
  EXPECT_DOUBLE_EQ(test_against_null(1, drawn, Tail::less).p, 2.0 / 5.0);
  EXPECT_DOUBLE_EQ(test_against_null(4.5, drawn, Tail::both).p, 0.4);
  EXPECT_DOUBLE_EQ(test_against_null(2.5, drawn, Tail::both).p, 1.0);
}

TEST(NullTest, EqualDrawsHaveNoZ) {
  const auto test = test_against_null(0.1, Values(7, 0.1), Tail::greater);
  EXPECT_FALSE(test.z);
  EXPECT_EQ(test.mean, 0.1);
  EXPECT_EQ(test.p, 1.0);
}

TEST(NullTest, CorrectionsHandComputed) {
  const Values p = {0.01, 0.04, 0.03, 0.005};
  const Values by_holm = {0.03, 0.06, 0.06, 0.02};
  const Values by_bh = {0.02, 0.04, 0.04, 0.02};
  const auto got_holm = holm(p);
  const auto got_bh = benjamini_hochberg(p);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_DOUBLE_EQ(got_holm[i], by_holm[i]);
    EXPECT_DOUBLE_EQ(got_bh[i], by_bh[i]);
  }
  EXPECT_EQ(holm(Values{0.9, 0.8}), (Values{1.0, 1.0}));
  EXPECT_TRUE(holm(Values{}).empty());
}

// The procedure as the command runs it: groups found anew in every mask.
Values grouped_structure(const FeaturePatterns& patterns, std::uint64_t seed) {
  const auto groups = group_features(patterns, 8, seed);
  double distance = 0.0;
  for (const auto& metrics : measure_groups(patterns, groups)) distance += metrics.mean_distance;
  return {block_coherence(patterns, grouped_order(groups), 8).mean, distance};
}

TEST(NullTest, ThreadsDoNotMatter) {
  const auto features = test::random_features(64, 100, 1);
  const int threads_before = thread_count();
  set_thread_count(1);
  const auto want = draw_null(features, {NullModel::columns, 0, 9, 3}, grouped_structure);
  set_thread_count(3);
  EXPECT_EQ(draw_null(features, {NullModel::columns, 0, 9, 3}, grouped_structure), want);
  set_thread_count(threads_before);
  ASSERT_EQ(want.size(), 2U);
  EXPECT_EQ(want[0].size(), 9U);
}

TEST(NullTest, StopsWhenAskedAndRefusesNoDraws) {
  const auto features = test::random_features(16, 20, 1);
  const std::atomic<bool> stop{true};
  RunContext context;
  context.stop = &stop;
  EXPECT_THROW(draw_null(features, {}, grouped_structure, context), Error);
  EXPECT_THROW(draw_null(features, {NullModel::columns, 0, 0, 0}, grouped_structure), Error);
}

TEST(NullTest, PlantedStructureIsFoundUnderEveryModel) {
  // 96 features, of which 32 in four groups of eight copy each other in three quarters of the rows; strewn by a
  // shuffle.
  auto features = test::random_features(96, 256, 4);
  for (std::int64_t f = 0; f < 32; ++f) {
    for (std::int64_t r = 0; r < 192; ++r) features.set(f, r, features.get(f % 4, r));
  }
  Random random(5);
  for (std::int64_t f = 95; f > 0; --f) {
    const auto other = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(f + 1)));
    std::swap_ranges(features.row(f), features.row(f) + features.row_words(), features.row(other));
  }
  const auto observed = grouped_structure(FeaturePatterns(features), 1);
  for (const auto model : {NullModel::columns, NullModel::margins, NullModel::pattern}) {
    const auto drawn = draw_null(features, {model, 4, 99, 6}, grouped_structure);
    EXPECT_EQ(test_against_null(observed[0], drawn[0], Tail::greater).p, 0.01) << null_model_name(model);
    EXPECT_EQ(test_against_null(observed[1], drawn[1], Tail::less).p, 0.01) << null_model_name(model);
    EXPECT_GT(*test_against_null(observed[0], drawn[0], Tail::greater).z, 5.0);
  }
}

// An N:M mask whose zeros are placed at random in each group.
BitMatrix random_2_4(std::int64_t features, std::int64_t rows, std::uint64_t seed) {
  BitMatrix start(features, rows);
  for (std::int64_t f = 0; f < features; ++f) {
    for (std::int64_t r = 0; r < rows; ++r) start.set(f, r, f % 4 < 2);
  }
  return NullSampler(start, NullModel::pattern, 4, seed).draw(0);
}

// Without structure p is uniform over its 20 values {1/20 … 20/20}. Over kMasks masks with 19 draws each, chi-square
// over the 20 values has 19 degrees of freedom: above 19 + 2·sqrt(19·7) + 14 = 56.1 with probability below e^−7 < 0.001
// (Laurent and Massart). The number of p ≤ 0.05 is binomial(400, 0.05): mean 20, standard deviation 4.36; within four
// of them.
TEST(NullTest, WithoutStructurePIsUniform) {
  constexpr int kMasks = 200;
  const int threads_before = thread_count();
  set_thread_count(1);  // thousands of tiny masks: starting threads would cost more than the draws
  for (const auto model : {NullModel::columns, NullModel::margins, NullModel::pattern}) {
    std::vector<double> counts(20);
    for (int i = 0; i < kMasks; ++i) {
      const auto seed = static_cast<std::uint64_t>(1000 + i);
      const auto features =
          model == NullModel::pattern ? random_2_4(32, 400, seed) : test::random_features(32, 400, seed, 0.5);
      const double observed = grouped_structure(FeaturePatterns(features), derived_seed(seed, 1))[1];
      const auto drawn = draw_null(features, {model, 4, 19, derived_seed(seed, 2)}, grouped_structure);
      const double p = test_against_null(observed, drawn[1], Tail::less).p;
      counts[static_cast<std::size_t>(std::lround(p * 20)) - 1] += 1;
    }
    double chi = 0.0;
    for (const double count : counts) chi += (count - 10.0) * (count - 10.0) / 10.0;
    EXPECT_LT(chi, 56.1) << null_model_name(model);
    EXPECT_NEAR(counts[0], 10.0, 4 * 3.08) << null_model_name(model);
  }
  set_thread_count(threads_before);
}

}  // namespace
}  // namespace lacuna
