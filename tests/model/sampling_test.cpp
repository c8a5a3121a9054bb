#include "lacuna/model/sampling.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

// How often each token is drawn, as shares of 20,000 draws: a standard error of at most 0.0036.
std::map<std::int32_t, double> shares(const std::vector<float>& logits, const SamplingOptions& options) {
  constexpr int kDraws = 20'000;
  Random random(3);
  std::map<std::int32_t, double> counts;
  for (int i = 0; i < kDraws; ++i) counts[sample_token(logits, options, random)] += 1.0 / kDraws;
  return counts;
}

constexpr double kFiveSigma = 0.018;
const std::vector<float> kLogits = {std::log(1.0F), std::log(4.0F), std::log(3.0F), std::log(2.0F)};  // p = 0.1 0.4 …

TEST(Sampling, ZeroTemperatureTakesTheLowestMostLikely) {
  Random random(1);
  EXPECT_EQ(sample_token(std::vector<float>{1, 5, 2, 5}, {.temperature = 0.0}, random), 1);
}

TEST(Sampling, DrawsFollowTheProbabilities) {
  const auto found = shares(kLogits, {});
  EXPECT_NEAR(found.at(0), 0.1, kFiveSigma);
  EXPECT_NEAR(found.at(1), 0.4, kFiveSigma);
  EXPECT_NEAR(found.at(2), 0.3, kFiveSigma);
  EXPECT_NEAR(found.at(3), 0.2, kFiveSigma);
}

TEST(Sampling, TemperatureSharpens) {
  // p² ∝ 1, 16, 9, 4 of 30
  EXPECT_NEAR(shares(kLogits, {.temperature = 0.5}).at(1), 16.0 / 30, kFiveSigma);
}

TEST(Sampling, TopKKeepsTheMostLikely) {
  const auto found = shares(kLogits, {.top_k = 2});
  EXPECT_EQ(found.size(), 2U);
  EXPECT_NEAR(found.at(1), 4.0 / 7, kFiveSigma);
  EXPECT_NEAR(found.at(2), 3.0 / 7, kFiveSigma);
}

TEST(Sampling, TopPKeepsTheSmallestSetThatReachesIt) {
  EXPECT_EQ(shares(kLogits, {.top_p = 0.39}).size(), 1U);
  EXPECT_EQ(shares(kLogits, {.top_p = 0.65}).size(), 2U);
  EXPECT_EQ(shares(kLogits, {.top_p = 0.75}).size(), 3U);
  EXPECT_EQ(shares(kLogits, {.top_p = 1.0}).size(), 4U);
}

TEST(Sampling, TopPAppliesAfterTopK) {
  // Of the two kept, 4/7 and 3/7: half is reached by the first.
  EXPECT_EQ(shares(kLogits, {.top_k = 2, .top_p = 0.5}).size(), 1U);
}

TEST(Sampling, ATokenOfMinusInfinityIsNeverDrawn) {
  const std::vector<float> logits = {0.0F, -std::numeric_limits<float>::infinity(), 0.0F};
  EXPECT_EQ(shares(logits, {}).count(1), 0U);
}

TEST(Sampling, EqualSeedsGiveEqualTokens) {
  Random a(9);
  Random b(9);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(sample_token(kLogits, {}, a), sample_token(kLogits, {}, b));
}

TEST(Sampling, RefusesBadOptionsAndLogits) {
  Random random(1);
  for (const SamplingOptions& options :
       {SamplingOptions{.temperature = -1.0}, SamplingOptions{.temperature = std::nan("")},
        SamplingOptions{.top_k = -1}, SamplingOptions{.top_p = 0.0}, SamplingOptions{.top_p = 1.5}}) {
    EXPECT_THROW(sample_token(kLogits, options, random), Error);
  }
  EXPECT_THROW(sample_token(std::vector<float>{1.0F, std::nanf("")}, {}, random), Error);
}

}  // namespace
}  // namespace lacuna
