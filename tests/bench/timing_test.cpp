#include "lacuna/bench/timing.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

TEST(Timing, MedianIsTheMiddleOrTheMeanOfTheMiddleTwo) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 100}), 3);
}

// Turns count up from 0 without a gap, whatever the rounds; the calls take turns.
TEST(Timing, EveryRoundRunsEveryCall) {
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> second;
  const TimedCall calls[] = {[&](std::int64_t turn) { first.push_back(turn); },
                             [&](std::int64_t turn) {
                               second.push_back(turn);
                               EXPECT_GE(first.size(), second.size());
                             }};
  const auto times = time_in_turns(calls, {3, 0.0}, {});
  EXPECT_EQ(first, (std::vector<std::int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(second, first);
  ASSERT_EQ(times.size(), 2U);
  EXPECT_LE(times[0].fastest, times[0].median);
  EXPECT_LE(times[0].median, times[0].slowest);
}

TEST(Timing, NoRoundsAreRefusedAndAStopIsHeeded) {
  const TimedCall calls[] = {[](std::int64_t) {}};
  EXPECT_THROW(time_in_turns(calls, {0, 0.0}, {}), Error);
  const std::atomic<bool> stop{true};
  RunContext context;
  context.stop = &stop;
  EXPECT_THROW(time_in_turns(calls, {1, 0.0}, context), Error);
}

}  // namespace
}  // namespace lacuna
