// SIGINT and SIGTERM ask the running command to stop cleanly; a second signal ends the process at once.
#pragma once

#include <atomic>

namespace lacuna::cli {

void install_interrupt_handlers();
const std::atomic<bool>& stop_flag();

}  // namespace lacuna::cli
