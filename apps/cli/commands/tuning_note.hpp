// What people should know of times taken on a busy machine.
#pragma once

#include <fmt/format.h>

#include "cli.hpp"
#include "lacuna/bench/tuner.hpp"

namespace lacuna::cli {

inline void note_unsteady(const Session& session, const Tuner& tuner) {
  if (tuner.unsteady() == 0) return;
  const std::string why = tuner.judges() ? "were unsteady: other work is running"
                                         : fmt::format(
                                               "are of fewer than {} rounds, which cannot show whether other work was "
                                               "running",
                                               kJudgedRounds);
  session.note(
      fmt::format("{} of {} timings {}. They will be taken again next time.", tuner.unsteady(), tuner.measured(), why));
}

}  // namespace lacuna::cli
