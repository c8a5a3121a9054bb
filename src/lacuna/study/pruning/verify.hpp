// Deriving a pruned output again from its recorded recipe, and saying whether it is identical.
//
// Runs the recipe again (study/rerun.hpp) into a temporary folder, and compares every weight file byte by byte.
//
// Errors  those of rerun_output.
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
