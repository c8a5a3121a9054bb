// Pruning a whole model: every combination of methods and targets, each exactly as if it ran alone.
//
// For each combination (job), layer by layer (wanda lib/prune.py, sparsegpt llama.py):
//   1. forward the calibration set through the still-dense layer; its inputs come from the already pruned layers below
//   2. accumulate the statistics the method needs from the input of every linear; prune all linears
//   3. forward again through the pruned layer: the next layer's inputs
// With true_sequential, 1 and 2 repeat for {k,v,q}, {o}, {up,gate}, {down}. What is common is shared: the first layer's
// statistics serve all jobs.
//
// Memory   calibration activations + one layer in f32 + its statistics + workspace.
// Disk     OUT.lacuna-partial holds the finished layers until the output is published (study/work_folder.hpp).
// Exact    deterministic for a recipe (threads and ISA are part of it); a resumed run ends with the same bytes.
// Errors   those of the readers and writers; not_enough_tokens, bad_pattern, not_finite, not_positive_definite,
//          already_exists, output_is_input, resume_mismatch, no_space, interrupted.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lacuna/core/run_context.hpp"
#include "lacuna/study/pruning/prune_recipe.hpp"
#include "lacuna/study/records.hpp"

namespace lacuna {

struct PruneRunOptions {
  std::string model;
  std::vector<std::string> methods;
  std::vector<SparsityTarget> targets;
  std::string calibration;  // text, .npy or .safetensors; may be empty when no method needs statistics
  std::int64_t samples = 32;
  std::int64_t seqlen = 256;
  std::uint64_t seed = 0;
  PruneOptions method_options;
  bool true_sequential = false;
  Compute compute = Compute::f32;
  std::filesystem::path out;
  bool write_hf = true;
  bool write_pt = false;
  bool resume = false;
};

struct PruneJobResult {
  PruneRecipe recipe;
  std::filesystem::path output;  // the checkpoint's folder
  std::vector<MatrixRecord> matrices;
  double sparsity = 0.0;         // over all pruned matrices
  double elapsed_seconds = 0.0;  // of this job's own layers, without what earlier runs finished
};

struct PruneRunResult {
  std::vector<PruneJobResult> jobs;
  bool was_complete = false;  // resume found the finished output
};

PruneRunResult run_prune(const PruneRunOptions& options, const RunContext& context);

// What --dry-run shows. Estimates: flop counts over this machine's measured GEMM speed.
struct PrunePlan {
  struct Linear {
    std::string component;
    std::int64_t rows = 0;
    std::int64_t cols = 0;
  };
  std::vector<std::string> jobs;  // "wanda 50%"
  std::vector<std::vector<Linear>> layers;
  std::int64_t parameters = 0;  // of the model
  std::int64_t pruned_parameters = 0;
  std::uint64_t activations_bytes = 0;
  std::uint64_t layer_bytes = 0;
  std::uint64_t statistics_bytes = 0;
  std::uint64_t bytes_to_write = 0;  // final outputs
  std::uint64_t work_bytes = 0;      // at most, while running
  double estimated_seconds = 0.0;
};

PrunePlan plan_prune(const PruneRunOptions& options);

}  // namespace lacuna
