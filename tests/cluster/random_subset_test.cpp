#include "lacuna/cluster/random_subset.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <map>

namespace lacuna {
namespace {

std::int64_t size_of(const std::vector<std::uint64_t>& set) {
  std::int64_t n = 0;
  for (const auto word : set) n += std::popcount(word);
  return n;
}

TEST(RandomSubset, HasTheSizeAskedForAndLiesInTheUniverse) {
  Random random(1);
  for (const std::int64_t bits : {1, 63, 64, 200, 4096}) {
    SubsetSampler sampler(bits);
    std::vector<std::uint64_t> universe(static_cast<std::size_t>((bits + 63) / 64));
    for (std::int64_t b = 0; b < bits; ++b) {
      if (random.below(3) != 0) universe[static_cast<std::size_t>(b / 64)] |= std::uint64_t{1} << (b % 64);
    }
    const auto n = size_of(universe);
    for (const double share : {0.0, 0.01, 0.3, 0.5, 0.77, 0.99, 1.0}) {
      const auto k = static_cast<std::int64_t>(share * static_cast<double>(n) + 0.5);
      std::vector<std::uint64_t> out(universe.size(), 5);
      sampler.draw(universe.data(), n, k, out.data(), random);
      ASSERT_EQ(size_of(out), k) << bits << " " << share;
      for (std::size_t w = 0; w < out.size(); ++w) ASSERT_EQ(out[w] & ~universe[w], 0U);
    }
  }
}

// All subsets of one size come equally often: chi-square over them. For C − 1 degrees of freedom a value above
// C + 5·sqrt(2C) has a probability below 1e-5 (Laurent and Massart: P(χ² ≥ d + 2·sqrt(d·x) + 2x) ≤ e^−x; x = 12, and
// the bound below is that expression).
void expect_uniform(std::int64_t bits, std::uint64_t universe, std::int64_t k) {
  SubsetSampler sampler(bits);
  Random random(2);
  std::map<std::uint64_t, double> seen;
  constexpr int kDraws = 60000;
  for (int i = 0; i < kDraws; ++i) {
    std::uint64_t out = 0;
    sampler.draw(&universe, std::popcount(universe), k, &out, random);
    ++seen[out];
  }
  double choose = 1;
  const auto n = static_cast<double>(std::popcount(universe));
  for (double i = 0; i < static_cast<double>(k); ++i) choose = choose * (n - i) / (i + 1);
  const double expected = kDraws / choose;
  double chi = (choose - static_cast<double>(seen.size())) * expected;
  for (const auto& [set, count] : seen) chi += (count - expected) * (count - expected) / expected;
  const double d = choose - 1;
  EXPECT_LT(chi, d + 2 * std::sqrt(d * 12) + 24) << bits << " bits, " << n << " choose " << k;
}

TEST(RandomSubset, EverySubsetIsEquallyLikely) {
  expect_uniform(17, 0x1FFFF, 2);                // one probability for all and corrections
  expect_uniform(17, 0x1FFFF, 13);               // from above as from below
  expect_uniform(64, 0xF00000000000007FULL, 4);  // a shuffle of positions
  expect_uniform(20, 0x7EFDF, 3);                // a universe with holes
}

}  // namespace
}  // namespace lacuna
