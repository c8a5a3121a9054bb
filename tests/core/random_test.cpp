#include "lacuna/core/random.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace lacuna {
namespace {

// Values printed by CPython 3.11: random.seed(0); [random.randint(0, 999) for _ in range(5)]; random.random()
TEST(PythonRandom, ReproducesCPython) {
  PythonRandom random(0);
  EXPECT_EQ(random.randint(0, 999), 864);
  EXPECT_EQ(random.randint(0, 999), 394);
  EXPECT_EQ(random.randint(0, 999), 776);
  EXPECT_EQ(random.randint(0, 999), 911);
  EXPECT_EQ(random.randint(0, 999), 430);
  EXPECT_DOUBLE_EQ(PythonRandom(0).random(), 0.8444218515250481);
}

TEST(PythonRandom, LargeSeedsAndRanges) {
  PythonRandom random(0x123456789abcdefULL);
  EXPECT_EQ(random.randint(0, 1LL << 40), 768355419559LL);
}

TEST(Random, SameSeedSameNumbers) {
  Random a(7);
  Random b(7);
  Random c(8);
  const auto first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, c.next());
}

TEST(Random, BelowIsUniform) {
  Random random(1);
  std::array<int, 6> counts{};
  constexpr int kDraws = 60000;
  for (int i = 0; i < kDraws; ++i) ++counts[random.below(6)];
  double chi2 = 0.0;
  for (const int n : counts) chi2 += (n - kDraws / 6.0) * (n - kDraws / 6.0) / (kDraws / 6.0);
  EXPECT_LT(chi2, 20.5);  // 99.9 % quantile of chi-squared with 5 degrees of freedom
}

TEST(Random, NormalHasUnitVariance) {
  Random random(2);
  double sum = 0.0;
  double squares = 0.0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / kDraws, 0.0, 4.0 / std::sqrt(kDraws));  // four standard errors
  EXPECT_NEAR(squares / kDraws, 1.0, 4.0 * std::sqrt(2.0 / kDraws));
}

}  // namespace
}  // namespace lacuna
