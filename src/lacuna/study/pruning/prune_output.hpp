// Writes what a finished prune leaves: a complete Hugging Face checkpoint, the research scripts' .pt tree, lacuna.json.
//
// Checkpoint   the input again with its pruned linears replaced (study/checkpoint_rewrite.hpp)
// Script tree  {out}/data/{method}_{pattern}/layer-{N}/layer{N}-{component}-{n}-{m}-{sparsity}.pt, stored dtype
// lacuna.json  recipe, Lacuna's version, per-matrix records; no times, so that equal runs give equal bytes
//
// Errors  those of the writers; file_changed when the input changed meanwhile.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lacuna/core/run_context.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/study/pruning/calibration.hpp"
#include "lacuna/study/pruning/prune_recipe.hpp"
#include "lacuna/study/pruning/pruned_layer_file.hpp"
#include "lacuna/study/records.hpp"

namespace lacuna {

inline constexpr const char* kRecordName = "lacuna.json";
inline constexpr const char* kCalibrationName = "lacuna_calibration.npy";  // the drawn tokens, samples × seqlen

// Gives the pruned linears of a layer; called once per layer and output, in ascending order.
using LayerLoader = std::function<std::vector<PrunedLinear>(int layer)>;

struct PrunedTensorName {
  std::string tensor;  // "model.layers.3.mlp.down_proj.weight"
  int layer = 0;
  std::string component;
};

void write_pruned_checkpoint(const Checkpoint& model, const std::vector<PrunedTensorName>& names,
                             const LayerLoader& load, const std::filesystem::path& folder, const RunContext& context);

void write_script_tree(const PruneRecipe& recipe, int n_layers, const LayerLoader& load,
                       const std::filesystem::path& folder, const RunContext& context);

// lacuna.json of one pruned model.
struct OutputRecord {
  PruneRecipe recipe;
  std::vector<MatrixRecord> matrices;
  double sparsity = 0.0;  // over all matrices
};

std::string output_record_json(const PruneRecipe& recipe, const std::vector<MatrixRecord>& matrices);
OutputRecord read_output_record(const std::filesystem::path& lacuna_json);  // throws Error{corrupt_file}
double overall_sparsity(const std::vector<MatrixRecord>& matrices);

}  // namespace lacuna
