#include "interrupt.hpp"

#include <unistd.h>

#include <csignal>

namespace lacuna::cli {
namespace {

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int /*signal*/) {
  constexpr int kInterruptedStatus = 130;
  if (stop.exchange(true)) _exit(kInterruptedStatus);
}

}  // namespace

void install_interrupt_handlers() {
  struct sigaction action{};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a closed stdout is an error of the write, not a silent death
}

const std::atomic<bool>& stop_flag() { return stop; }

}  // namespace lacuna::cli
