// What people should know of times taken on a busy machine.
#pragma once

#include <fmt/format.h>

#include "cli.hpp"
#include "lacuna/bench/tuner.hpp"

namespace lacuna::cli {

inline void note_unsteady(const Session& session, const Tuner& tuner) {
  if (tuner.unsteady() == 0) return;
  session.note(fmt::format("{} of {} timings were unsteady: other work is running. They will be taken again next time.",
                           tuner.unsteady(), tuner.measured()));
}

}  // namespace lacuna::cli
