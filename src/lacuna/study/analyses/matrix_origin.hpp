// What is known of the pruning that made a matrix: from lacuna.json beside a checkpoint, or from the names of the
// scripts' files and folders.
//
// Absence is no error, and neither is a damaged lacuna.json: everything then stays unknown.
#pragma once

#include <optional>
#include <string>

#include "lacuna/formats/matrix_set.hpp"
#include "lacuna/study/analyses/analysis_records.hpp"
#include "lacuna/study/pruning/prune_recipe.hpp"

namespace lacuna {

struct MatrixOrigin {
  std::string run_id;  // empty: unknown
  std::string method;  // empty: unknown
  std::string name;    // as the scripts call it: "layer0-mlp.down_proj-0-0-0.5"
};

std::optional<PruneRecipe> recorded_recipe(const MatrixSet& set);

MatrixOrigin matrix_origin(const MatrixSet& set, const WeightMatrix& matrix);

// Source, matrix and origin of an analysis of one matrix; command, options and seed are left to the caller.
AnalysisRecord analysis_of(const MatrixSet& set, const WeightMatrix& matrix);

}  // namespace lacuna
