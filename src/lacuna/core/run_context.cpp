#include "lacuna/core/run_context.hpp"

#include "lacuna/core/error.hpp"

namespace lacuna {

void RunContext::check_stop() const {
  if (stop_requested()) throw Error(ErrorCode::interrupted, "stopped on request");
}

RunContext without_progress(RunContext context) {
  context.progress = nullptr;
  return context;
}

}  // namespace lacuna
