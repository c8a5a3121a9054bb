// Running the recorded recipe of a pruned output again, into a new folder.
//
// Reads lacuna.json and lacuna_calibration.npy of the output and prunes the model with them, on as many threads as
// recorded. Where the kernels' ISA or Lacuna's version is another one, a warning says so: sums may round differently.
//
// Errors  not_found: no record, or the model is elsewhere now; corrupt_file: the record; resume_mismatch: the model or
//         the calibration tokens are not those of the recipe (found before anything is pruned); those of run_prune.
#pragma once

#include <filesystem>
#include <string>

#include "lacuna/study/pruning/prune_run.hpp"

namespace lacuna {

struct RerunOptions {
  std::filesystem::path folder;  // of the pruned checkpoint
  std::string model;             // empty: as recorded
  std::filesystem::path out;     // must not exist
  bool write_hf = true;
  bool write_pt = false;
  bool resume = false;
};

PruneRunResult rerun_output(const RerunOptions& options, const RunContext& context);

}  // namespace lacuna
