// Deriving a pruned output again from its recorded recipe, and saying whether it is identical.
//
// Reads lacuna.json and lacuna_calibration.npy of the output, runs the recipe on the model into a temporary folder, and
// compares every weight file byte by byte.
//
// Errors  not_found: no record, or the model is elsewhere now; resume_mismatch: the model or the calibration tokens are
// not
//         those of the recipe; those of run_prune.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lacuna/core/run_context.hpp"

namespace lacuna {

struct VerifyOptions {
  std::filesystem::path folder;  // of the pruned checkpoint
  std::string model;             // empty: as recorded
};

struct VerifyResult {
  bool identical = false;
  std::vector<std::string> files;  // compared
  std::string first_difference;    // "model.safetensors: model.layers.0.mlp.up_proj.weight"; empty when identical
};

VerifyResult verify_output(const VerifyOptions& options, const RunContext& context);

}  // namespace lacuna
