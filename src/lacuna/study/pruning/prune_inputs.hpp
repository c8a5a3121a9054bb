// What a pruning run reads before it starts: the model, the calibration set, and the recipes that follow from them.
//
// Everything that can be wrong with the user's input is found here, before anything is written.
#pragma once

#include <optional>
#include <vector>

#include "lacuna/model/decoder.hpp"
#include "lacuna/study/pruning/calibration.hpp"
#include "lacuna/study/pruning/prune_recipe.hpp"
#include "lacuna/study/pruning/prune_run.hpp"

namespace lacuna {

struct PruneJob {
  std::string name;  // "wanda-0-0-0.5"
  PruneRecipe recipe;
};

struct PruneInputs {
  Decoder decoder;
  CalibrationSet calibration;  // empty when no method needs statistics
  std::vector<PruneJob> jobs;
  StatisticsNeed need = StatisticsNeed::none;  // the most any method needs
};

// digest_weights: reading every weight byte takes as long as the disk needs; a dry run leaves it out.
PruneInputs open_prune_inputs(const PruneRunOptions& options, bool digest_weights);

// SHA-256 over config.json and the weight files, in shard order.
std::string digest_model(const Checkpoint& model);

}  // namespace lacuna
