// The model card of a pruned checkpoint: README.md with the metadata that the Hugging Face hub reads.
//
// Says what was pruned from what, with which method, target and calibration, what sparsity and error each kind of
// linear has, and which licence holds: the base model's. No times, so that equal runs give equal bytes.
//
// Where the input brought a README.md of its own, that one stays: its author's words and licence are not ours to
// change. One that Lacuna wrote (for an earlier pruning) is replaced.
//
// Errors  those of the atomic writer.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lacuna/study/pruning/prune_recipe.hpp"
#include "lacuna/study/records.hpp"

namespace lacuna {

// `licence_file`: the name of the licence beside the weights, empty when there is none.
std::string model_card(const PruneRecipe& recipe, const std::vector<MatrixRecord>& matrices,
                       const std::string& licence_file);

// For a folder that already holds everything carried over from the input.
void write_model_card(const std::filesystem::path& folder, const PruneRecipe& recipe,
                      const std::vector<MatrixRecord>& matrices);

}  // namespace lacuna
