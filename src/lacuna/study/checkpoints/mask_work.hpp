// Masks taken from models, combined with each other, and applied to models.
//
// A mask keeps what is 1. Masks meet by name: the tensor's, or "{layer}.{component}", whichever both files use.
//
// Errors  nothing_to_compare: no mask of one has a partner in the other; missing_tensor: a partner is absent;
//         shape_mismatch; already_exists, output_is_input; those of the readers and writers.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lacuna/core/run_context.hpp"
#include "lacuna/formats/mask_file.hpp"

namespace lacuna {

struct MaskSummary {
  std::string name;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  double kept = 0.0;  // share of ones
};

// W ≠ 0 of every matrix of a file, script tree or model.
std::vector<MaskSummary> extract_masks(const std::string& reference, const std::filesystem::path& out,
                                       const RunContext& context);

// mask_not takes one file, the others two.
std::vector<MaskSummary> combine_masks(MaskOperation operation, const std::vector<std::filesystem::path>& files,
                                       const std::filesystem::path& out, const RunContext& context);

// A complete copy of a checkpoint with the masks' matrices set to zero where the mask is 0.
std::vector<MaskSummary> apply_masks(const std::string& model, const std::filesystem::path& mask,
                                     const std::filesystem::path& out, const RunContext& context);

}  // namespace lacuna
