#include "lacuna/cluster/zero_rows.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "lacuna/cluster/coherence.hpp"
#include "lacuna/cluster/null_model.hpp"
#include "lacuna/core/error.hpp"
#include "random_patterns.hpp"

namespace lacuna {
namespace {

using Counts = std::vector<std::uint32_t>;

TEST(ZeroRows, HandComputed) {
  // Two features with 1 and 2 of 3 rows: the second misses the first's row with 1/3 and then leaves none, else one.
  const auto chance = zero_row_distribution(3, Counts{1, 2});
  EXPECT_NEAR(chance[0], 1.0 / 3.0, 1e-14);
  EXPECT_NEAR(chance[1], 2.0 / 3.0, 1e-14);
  const auto moments = zero_row_moments(3, Counts{1, 2});
  EXPECT_NEAR(moments.mean, 2.0 / 3.0, 1e-14);
  EXPECT_NEAR(moments.variance, 2.0 / 9.0, 1e-14);
}

TEST(ZeroRows, DistributionHasTheMoments) {
  const Counts ones = {10, 200, 90, 150, 60};
  const auto chance = zero_row_distribution(300, ones);
  double sum = 0;
  double mean = 0;
  double square = 0;
  for (std::size_t z = 0; z < chance.size(); ++z) {
    sum += chance[z];
    mean += chance[z] * static_cast<double>(z);
    square += chance[z] * static_cast<double>(z * z);
  }
  const auto moments = zero_row_moments(300, ones);
  EXPECT_NEAR(sum, 1.0, 1e-12);
  EXPECT_NEAR(mean, moments.mean, 1e-10);
  EXPECT_NEAR(square - mean * mean, moments.variance, 1e-8);
}

TEST(ZeroRows, ExtremesAreCertain) {
  EXPECT_EQ(zero_row_distribution(4, Counts{}).back(), 1.0);
  EXPECT_NEAR(zero_row_distribution(4, Counts{4, 1})[0], 1.0, 1e-14);
  EXPECT_EQ(zero_row_moments(4, Counts{0, 0}).variance, 0.0);
  EXPECT_EQ(zero_row_moments(0, Counts{0}).mean, 0.0);
  EXPECT_THROW(zero_row_moments(4, Counts{5}), Error);
}

// Chi-square of simulated groups against the distribution, states with fewer than 10 expected lumped together. Above
// d + 2·sqrt(7d) + 14 with probability below e^−7 < 0.001 (Laurent and Massart).
TEST(ZeroRows, SimulationOfTheNullModelAgrees) {
  const auto features = test::random_features(8, 120, 2, 0.3);
  const auto ones = features.row_counts();
  const auto chance = zero_row_distribution(120, ones);
  constexpr int kDraws = 20000;
  std::vector<double> seen(chance.size());
  const NullSampler sampler(features, NullModel::columns, 0, 3);
  for (int i = 0; i < kDraws; ++i) {
    const FeaturePatterns drawn(sampler.draw(i));
    const double share = block_coherence(drawn, stored_order(8), 8).mean;
    ++seen[static_cast<std::size_t>(std::lround(share * 120))];
  }
  double chi = 0;
  int states = 0;
  double rest_seen = 0;
  double rest_expected = 0;
  for (std::size_t z = 0; z < chance.size(); ++z) {
    const double expected = chance[z] * kDraws;
    if (expected < 10) {
      rest_seen += seen[z];
      rest_expected += expected;
      continue;
    }
    chi += (seen[z] - expected) * (seen[z] - expected) / expected;
    ++states;
  }
  chi += (rest_seen - rest_expected) * (rest_seen - rest_expected) / rest_expected;
  const double d = states;
  EXPECT_GT(states, 8);
  EXPECT_LT(chi, d + 2 * std::sqrt(7 * d) + 14);
}

}  // namespace
}  // namespace lacuna
