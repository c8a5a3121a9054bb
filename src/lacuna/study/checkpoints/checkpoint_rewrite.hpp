// A complete copy of a checkpoint folder with some tensors replaced.
//
// Every shard again with its header, order, metadata and dtypes; every other regular file (config, tokenizer,
// generation config, …) copied; a lacuna.json of the input is not. Weights in PyTorch's .bin format come out as
// safetensors shards of the same split with a new index.
//
// `folder` exists and is empty; each file appears in it complete or not at all.
// Errors  those of the writers; file_changed when the input changed meanwhile; interrupted.
#pragma once

#include <filesystem>

#include "lacuna/core/run_context.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/formats/safetensors_writer.hpp"

namespace lacuna {

void rewrite_checkpoint(const Checkpoint& model, const TensorReplacement& replace, const std::filesystem::path& folder,
                        const RunContext& context);

// The same for what is not weights: config, tokenizer, … `provenance`: lacuna.json and the like too, for copies that
// change no weight.
void copy_side_files(const std::filesystem::path& from, const std::filesystem::path& to, bool provenance);

// The file of an output's shard: "pytorch_model-00001-of-00002.bin" becomes "model-00001-of-00002.safetensors".
std::string output_shard_name(const TensorArchive& shard);

}  // namespace lacuna
