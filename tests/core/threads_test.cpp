#include "lacuna/core/threads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/core/run_context.hpp"

namespace lacuna {
namespace {

TEST(Threads, ParallelForVisitsEachIndexOnce) {
  std::vector<std::atomic<int>> visits(1000);
  parallel_for(1000, 10, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) visits[static_cast<std::size_t>(i)].fetch_add(1);
  });
  for (const auto& n : visits) EXPECT_EQ(n.load(), 1);
}

TEST(Threads, ExceptionsReachTheCaller) {
  EXPECT_THROW(parallel_for(100, 1, [](std::int64_t, std::int64_t) { throw std::runtime_error("x"); }),
               std::runtime_error);
}

TEST(Threads, CountIsChecked) {
  EXPECT_THROW(set_thread_count(0), Error);
  EXPECT_THROW(set_thread_count(100000), Error);
}

TEST(RunContext, StopThrowsInterrupted) {
  std::atomic<bool> stop{false};
  RunContext context;
  context.stop = &stop;
  EXPECT_NO_THROW(context.check_stop());
  stop = true;
  EXPECT_THROW(context.check_stop(), Error);
}

}  // namespace
}  // namespace lacuna
