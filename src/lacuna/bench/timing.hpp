// Times of calls measured against each other.
//
//   const auto times = time_in_turns(calls, {}, context);      // times[i] belongs to calls[i]
//
// Every round runs each call for a while, one after the other, so that a slower minute of the machine falls on all of
// them; a call's time is the median of its rounds. `turn` counts a call's runs from 0: by it a call goes through copies
// of its data, so that nothing it reads is in the cache still.
//
// Threads  the calls run on the calling thread, one at a time.
// Errors   Error{invalid_argument}: no rounds; interrupted, between rounds.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lacuna/core/run_context.hpp"

namespace lacuna {

using TimedCall = std::function<void(std::int64_t turn)>;

struct TimingOptions {
  int rounds = 9;
  double round_seconds = 0.02;  // of one call in one round, at least; and at least one run
};

struct CallTime {  // seconds of one run
  double median = 0.0;
  double fastest = 0.0;
  double slowest = 0.0;
};

double median(std::vector<double> values);  // the mean of the middle two where their number is even; not empty
CallTime call_time(const std::vector<double>& seconds);  // not empty

std::vector<CallTime> time_in_turns(std::span<const TimedCall> calls, const TimingOptions& options,
                                    const RunContext& context);

}  // namespace lacuna
