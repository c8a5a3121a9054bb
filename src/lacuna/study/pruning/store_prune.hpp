// A pruning run as records.
#pragma once

#include "lacuna/study/pruning/prune_run.hpp"
#include "lacuna/study/records.hpp"

namespace lacuna {

RunRecord run_record(const PruneJobResult& job);

// Writes each job's run and matrices, one record set a job.
void store_prune(const PruneRunResult& result, ResultSink& sink);

}  // namespace lacuna
