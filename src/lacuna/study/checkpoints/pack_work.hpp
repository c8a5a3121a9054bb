// A checkpoint with its pruned matrices packed, and back again, bit for bit (docs/formats/packed.md).
//
// Packed are the matrices of decoder blocks that take fewer bytes so; every other tensor, the split into shards,
// config, tokenizer and provenance are carried over. unpack_model() gives the tensors that went in, and the same file
// bytes where the input was written as the safetensors reference writes.
//
// Errors  invalid_argument: nothing becomes smaller, or the model is packed (pack) or dense (unpack); already_exists,
//         output_is_input; corrupt_file and the others of readers and writers. Nothing is left behind then.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lacuna/core/run_context.hpp"
#include "lacuna/sparse/layout.hpp"

namespace lacuna {

struct PackedSummary {
  std::string name;
  PackingPlan plan;
};

struct PackReport {
  std::vector<PackedSummary> matrices;  // the packed ones
  std::uint64_t dense_file_bytes = 0;   // weight files, dense
  std::uint64_t packed_file_bytes = 0;  // and packed
  std::uint64_t dense_bytes() const;    // of the packed matrices' tensors
  std::uint64_t packed_bytes() const;
  double sparsity() const;  // of the packed matrices; by bits
};

PackReport pack_model(const std::string& reference, const std::filesystem::path& out, const RunContext& context);
PackReport unpack_model(const std::string& reference, const std::filesystem::path& out, const RunContext& context);

}  // namespace lacuna
