#include "lacuna/activations/active_sets.hpp"

#include <gtest/gtest.h>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

// Two prompts of two tokens, four features; |x| > 1 is active.
const std::vector<float> kX = {2, -2, 0, 0,   // {0, 1}
                               2, 1,  3, 0,   // {0, 2}: exactly 1 is not active
                               5, -9, 2, 0,   // {0, 1, 2}
                               0, 0,  0, 0};  // {}

BitMatrix active_sets() {
  BitMatrix active(4, 4);
  set_active({kX.data(), 4, 4}, 1.0F, 0, active);
  return active;
}

TEST(ActiveSets, AreTheEntriesAboveTheThreshold) {
  const auto active = active_sets();
  const int expected[4][4] = {{1, 1, 0, 0}, {1, 0, 1, 0}, {1, 1, 1, 0}, {0, 0, 0, 0}};
  for (int t = 0; t < 4; ++t) {
    for (int j = 0; j < 4; ++j) EXPECT_EQ(active.get(t, j), expected[t][j] != 0) << t << " " << j;
  }
}

TEST(ActiveSets, FillTheirRowsOnlyAndKeepPaddingClear) {
  BitMatrix active(3, 70);
  const std::vector<float> x(70, 2.0F);
  set_active({x.data(), 1, 70}, 0.5F, 1, active);
  EXPECT_EQ(active.count(), 70U);
  EXPECT_EQ(active.row(1)[1], 0x3FU);
  EXPECT_THROW(set_active({x.data(), 1, 70}, 0.5F, 3, active), Error);
  EXPECT_THROW(set_active({x.data(), 1, 69}, 0.5F, 0, active), Error);
}

TEST(ActiveSets, FrequencyRunsFromHotToCold) {
  const auto curve = activation_frequency(active_sets());
  EXPECT_EQ(curve.frequencies, (std::vector<double>{0.75, 0.5, 0.5, 0.0}));
  EXPECT_DOUBLE_EQ(curve.mean, 1.75 / 4);
  EXPECT_EQ(curve.never, 0.25);
  EXPECT_EQ(curve.always, 0.0);
  EXPECT_EQ(curve.hot_share(3.0 / 7), 0.25);  // the first feature has 3 of 7 activations
  EXPECT_EQ(curve.hot_share(0.5), 0.5);
  EXPECT_EQ(curve.hot_share(1.0), 0.75);
}

TEST(ActiveSets, OverlapIsTheMeanJaccard) {
  const auto overlap = active_overlap(active_sets(), 2);
  EXPECT_DOUBLE_EQ(overlap.neighbours, (1.0 / 3 + 0.0) / 2);  // {0,1}~{0,2}; {0,1,2}~{}
  EXPECT_DOUBLE_EQ(overlap.prompts, (2.0 / 3 + 0.0) / 2);     // {0,1}~{0,1,2}; {0,2}~{}
  // p = ¾, ½, ½, 0
  EXPECT_DOUBLE_EQ(overlap.independent, (9.0 / 16 + 0.25 + 0.25) / (15.0 / 16 + 0.75 + 0.75));
  EXPECT_THROW(active_overlap(active_sets(), 3), Error);
}

}  // namespace
}  // namespace lacuna
