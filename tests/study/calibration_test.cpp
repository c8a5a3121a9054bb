#include "lacuna/study/pruning/calibration.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

TokenSource counting(std::int64_t rows, std::int64_t cols) {
  TokenSource source;
  source.rows = rows;
  source.cols = cols;
  source.ids.resize(static_cast<std::size_t>(rows * cols));
  std::iota(source.ids.begin(), source.ids.end(), 0);
  return source;
}

TEST(Calibration, SequencesTakeTheFirstRowsAndTokens) {
  const auto set = draw_calibration(counting(3, 5), 2, 4, 0);
  EXPECT_EQ(set.tokens, (std::vector<std::int32_t>{0, 1, 2, 3, 5, 6, 7, 8}));
}

// random.seed(0); [random.randint(0, 1000 - 10 - 1) for _ in range(3)] prints [864, 394, 776] in CPython 3.11.
TEST(Calibration, StreamsDrawTheWindowsOfTheReference) {
  const auto set = draw_calibration(counting(1, 1000), 3, 10, 0);
  EXPECT_EQ(set.tokens[0], 864);
  EXPECT_EQ(set.tokens[9], 873);
  EXPECT_EQ(set.tokens[10], 394);
  EXPECT_EQ(set.tokens[20], 776);
}

TEST(Calibration, AnotherSeedGivesAnotherDigest) {
  const auto source = counting(1, 1000);
  EXPECT_EQ(draw_calibration(source, 3, 10, 1).digest, draw_calibration(source, 3, 10, 1).digest);
  EXPECT_NE(draw_calibration(source, 3, 10, 1).digest, draw_calibration(source, 3, 10, 2).digest);
}

TEST(Calibration, TooFewTokensIsAnError) {
  EXPECT_THROW(draw_calibration(counting(2, 10), 3, 10, 0), Error);
  EXPECT_THROW(draw_calibration(counting(4, 9), 3, 10, 0), Error);
  EXPECT_THROW(draw_calibration(counting(1, 10), 1, 10, 0), Error);
  EXPECT_THROW(draw_calibration(counting(4, 10), 0, 10, 0), Error);
}

}  // namespace
}  // namespace lacuna
