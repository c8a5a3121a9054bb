// How `lacuna prune` and `lacuna rerun` show what they made.
#pragma once

#include "cli.hpp"
#include "lacuna/study/pruning/prune_run.hpp"

namespace lacuna::cli {

void print_prune_result(const Session& session, const PruneRunResult& result);

}  // namespace lacuna::cli
