#include "lacuna/bench/timing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

double median(std::vector<double> values) {
  LACUNA_ASSERT(!values.empty());
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

CallTime call_time(const std::vector<double>& seconds) {
  return {median(seconds), *std::min_element(seconds.begin(), seconds.end()),
          *std::max_element(seconds.begin(), seconds.end())};
}

std::vector<CallTime> time_in_turns(std::span<const TimedCall> calls, const TimingOptions& options,
                                    const RunContext& context) {
  if (options.rounds < 1) {
    throw Error(ErrorCode::invalid_argument, fmt::format("rounds: expected at least 1, got {}", options.rounds));
  }
  std::vector<std::int64_t> turns(calls.size(), 0);
  std::vector<std::vector<double>> seconds(calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) calls[i](turns[i]++);  // first touches, threads' start
  for (int round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < calls.size(); ++i) {
      context.check_stop();
      const std::int64_t first = turns[i];
      const auto start = Clock::now();
      double spent = 0.0;
      do {
        calls[i](turns[i]++);
        spent = seconds_since(start);
      } while (spent < options.round_seconds);
      seconds[i].push_back(spent / static_cast<double>(turns[i] - first));
    }
  }
  std::vector<CallTime> times;
  for (const auto& s : seconds) times.push_back(call_time(s));
  return times;
}

}  // namespace lacuna
