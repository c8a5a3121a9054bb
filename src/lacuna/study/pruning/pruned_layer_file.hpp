// One pruned decoder layer on disk: what a running prune leaves behind after each layer, and what a resumed one reads.
//
// A safetensors file with one tensor per linear, named by component. A tensor keeps the checkpoint's dtype when that
// loses nothing (masking never does), else f32, so that a resumed run forwards through exactly the weights the first
// run had. The metadata holds the reports as JSON under "reports".
//
// Errors  those of the safetensors reader and writer; corrupt_file when the reports do not fit the tensors.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/run_context.hpp"
#include "lacuna/prune/method.hpp"

namespace lacuna {

struct PrunedLinear {
  std::string component;  // "mlp.down_proj"
  DType stored_dtype = DType::f32;
  Matrix<float> weights;
  PruneReport report;
};

void write_pruned_layer(const std::filesystem::path& path, const std::vector<PrunedLinear>& linears,
                        const RunContext& context);
std::vector<PrunedLinear> read_pruned_layer(const std::filesystem::path& path);

}  // namespace lacuna
