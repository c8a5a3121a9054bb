// Writing safetensors files: whole ones, and rewritten shards that keep everything but some tensors' bytes.
//
// Layout as the Rust reference writes it, byte for byte: tensors by descending alignment of their type, then by name; a
// compact header padded with spaces to a multiple of 8. Metadata keys are sorted, so equal input gives equal bytes.
// Output appears complete or not at all (core/atomic_file.hpp), synced; one tensor at a time is in memory at most.
//
// Threads  one writer per path; producers are called in file order, on the calling thread.
// Errors   invalid_argument (repeated or reserved names), limit_exceeded, no_space, io_failed, interrupted,
//          file_changed and whatever a producer throws; nothing is left behind then.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "lacuna/core/run_context.hpp"
#include "lacuna/formats/tensor_archive.hpp"
#include "lacuna/formats/tensor_output.hpp"

namespace lacuna {

using SafetensorsMetadata = std::map<std::string, std::string>;

void write_safetensors(const std::filesystem::path& path, std::span<const TensorSpec> tensors,
                       const SafetensorsMetadata& metadata, const TensorProducer& produce,
                       const RunContext& context = {});

// Views may be strided. `before_commit` runs when all bytes are written, and when writing failed: pass the inputs'
// check_intact(), so that a truncated input is reported as such.
void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const SafetensorsMetadata& metadata, const RunContext& context = {},
                       const std::function<void()>& before_commit = {});

// Supplies new bytes for a tensor of the input: fills `out` (uninitialised, the tensor's size) and returns true, or
// returns false to keep the input's.
using TensorReplacement = std::function<bool(const NamedTensor& tensor, std::span<std::byte> out)>;

// Writes `output` with exactly the header of the safetensors file behind `input` (order, dtypes, metadata, spaces),
// each tensor replaced or copied. Throws Error{output_is_input} when both are one file, by any link, and
// Error{file_changed} when the input changed before the end.
void rewrite_safetensors(const TensorArchive& input, const std::filesystem::path& output,
                         const TensorReplacement& replace, const RunContext& context = {});

}  // namespace lacuna
