#include "lacuna/render/palette.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

double distance(Rgb a, Rgb b) {
  const auto x = to_oklab(a);
  const auto y = to_oklab(b);
  return std::hypot(x[0] - y[0], x[1] - y[1], x[2] - y[2]);
}

TEST(Oklab, KnowsWhiteAndBlack) {
  EXPECT_NEAR(to_oklab({255, 255, 255})[0], 1.0, 1e-6);  // the published matrices have ten digits
  EXPECT_NEAR(to_oklab({255, 255, 255})[1], 0.0, 1e-6);
  EXPECT_DOUBLE_EQ(to_oklab({0, 0, 0})[0], 0.0);
}

TEST(DensityRamp, GrowsDarkerAllTheWay) {
  const auto ramp = density_ramp(64);
  ASSERT_EQ(ramp.size(), 64U);
  for (std::size_t i = 1; i < ramp.size(); ++i) EXPECT_LT(to_oklab(ramp[i])[0], to_oklab(ramp[i - 1])[0]) << i;
  EXPECT_GT(to_oklab(ramp.front())[0], 0.95);
  EXPECT_LT(to_oklab(ramp.back())[0], 0.3);
}

TEST(DensityRamp, StepsEvenly) {
  const auto ramp = density_ramp(33);
  double total = 0;
  for (std::size_t i = 1; i < ramp.size(); ++i) total += distance(ramp[i], ramp[i - 1]);
  const double mean = total / 32;
  // A step is about 0.031; rounding to 8 bits moves each end by up to half a level, about 0.003 in dark blue.
  for (std::size_t i = 1; i < ramp.size(); ++i) EXPECT_NEAR(distance(ramp[i], ramp[i - 1]), mean, 0.006) << i;
}

TEST(DensityRamp, NeedsTwoColours) { EXPECT_THROW(density_ramp(1), Error); }

TEST(HexColour, WritesSixDigits) { EXPECT_EQ(hex_colour({0, 0x72, 0xB2}), "#0072b2"); }

TEST(SeriesColours, StandOutFromPaperAndFromEachOther) {
  const auto& colours = series_colours();
  for (std::size_t i = 0; i < colours.size(); ++i) {
    EXPECT_LT(to_oklab(colours[i])[0], 0.80) << i;  // paper is 1
    for (std::size_t j = 0; j < i; ++j) EXPECT_GT(distance(colours[i], colours[j]), 0.1) << i << ' ' << j;
  }
}

}  // namespace
}  // namespace lacuna
