// What long work needs from its caller: a progress callback, a way to stop, and nothing else.
//
// The library never prints. An algorithm reports through context.report() at most a few hundred times and calls
// context.check_stop() at every point where it could stop cleanly; that throws Error{interrupted}.
//
// Threads  report() is called from one thread at a time; stop may be requested from any thread or a signal handler.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace lacuna {

struct ProgressEvent {
  std::string stage;        // "prune wanda 50%"
  std::string detail;       // "layer 3 mlp.down_proj"; may be empty
  std::string unit;         // "layers", "windows", "bytes"
  std::uint64_t done = 0;   // in units
  std::uint64_t total = 0;  // 0: unknown
  double done_work = 0.0;   // share of the stage's work in [0, 1], for the ETA; may differ from done / total
};

using ProgressFn = std::function<void(const ProgressEvent&)>;
using WarningFn = std::function<void(const std::string&)>;

struct RunContext {
  ProgressFn progress;                      // may be empty
  WarningFn warning;                        // may be empty
  const std::atomic<bool>* stop = nullptr;  // may be null

  void report(const ProgressEvent& event) const {
    if (progress) progress(event);
  }
  void warn(const std::string& message) const {
    if (warning) warning(message);
  }
  bool stop_requested() const { return stop != nullptr && stop->load(std::memory_order_relaxed); }
  void check_stop() const;  // throws Error{interrupted}
};

// The same warnings and stop, no progress: for a step inside a task that reports its own.
RunContext without_progress(RunContext context);

}  // namespace lacuna
