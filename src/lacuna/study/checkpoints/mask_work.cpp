#include "lacuna/study/checkpoints/mask_work.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <map>
#include <set>

#include "lacuna/bits/bit_matrix.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/version.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/formats/matrix_set.hpp"
#include "lacuna/study/checkpoints/checkpoint_rewrite.hpp"
#include "lacuna/study/work_folder.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

double kept_share(std::span<const std::byte> bits, std::int64_t rows, std::int64_t cols) {
  std::uint64_t ones = 0;
  for (const auto byte : bits) ones += static_cast<std::uint64_t>(std::popcount(std::to_integer<unsigned>(byte)));
  return rows * cols == 0 ? 0.0 : static_cast<double>(ones) / static_cast<double>(rows * cols);
}

std::string mask_name(const WeightMatrix& matrix) {
  if (matrix.layer == kNoLayer) return matrix.component;
  return format_mask_key({matrix.layer, matrix.component});
}

// A mask's partner in another file: by name, else by layer and component.
const Mask* partner(const Mask& mask, const MaskFile& other) {
  if (const Mask* same = other.find(mask.name)) return same;
  const auto where = mask.where();
  if (!where) return nullptr;
  for (const auto& candidate : other.masks) {
    if (candidate.where() == where) return &candidate;
  }
  return nullptr;
}

void require_partners(const MaskFile& a, const MaskFile& b, const fs::path& b_path) {
  for (const auto& mask : a.masks) {
    const Mask* other = partner(mask, b);
    if (other == nullptr) {
      throw Error(ErrorCode::missing_tensor, fmt::format("no mask for {}", mask.name)).at(b_path);
    }
    if (other->rows != mask.rows || other->cols != mask.cols) {
      throw Error(ErrorCode::shape_mismatch,
                  fmt::format("{}: {} × {} and {} × {}", mask.name, mask.rows, mask.cols, other->rows, other->cols))
          .at(b_path);
    }
  }
}

std::string_view operation_name(MaskOperation operation) {
  switch (operation) {
    case MaskOperation::mask_and: return "and";
    case MaskOperation::mask_or: return "or";
    case MaskOperation::mask_xor: return "xor";
    case MaskOperation::mask_not: return "not";
  }
  return "";
}

}  // namespace

std::vector<MaskSummary> extract_masks(const std::string& reference, const fs::path& out, const RunContext& context) {
  const MatrixSet set = MatrixSet::open(reference);
  for (const auto& matrix : set.matrices()) require_distinct_paths(out, matrix.source);
  std::vector<MaskSpec> specs;
  for (const auto& matrix : set.matrices())
    specs.push_back({mask_name(matrix), matrix.view.shape[0], matrix.view.shape[1]});
  std::vector<MaskSummary> summaries;
  const auto produce = [&](std::size_t index, std::span<std::byte> bits) {
    const auto packed = BitMatrix::nonzero(set.matrices()[index].view).to_packbits();
    std::memcpy(bits.data(), packed.data(), packed.size());
    const auto& spec = specs[index];
    summaries.push_back({spec.name, spec.rows, spec.cols, kept_share(bits, spec.rows, spec.cols)});
  };
  const std::map<std::string, std::string> metadata = {{"source", reference},
                                                       {"made_by", fmt::format("lacuna {}", version())}};
  write_mask_file(out, specs, metadata, produce, context);
  set.check_intact();
  return summaries;
}

std::vector<MaskSummary> combine_masks(MaskOperation operation, const std::vector<fs::path>& files, const fs::path& out,
                                       const RunContext& context) {
  const MaskFile a = read_mask_file(files.at(0));
  const MaskFile b = operation == MaskOperation::mask_not ? a : read_mask_file(files.at(1));
  for (const auto& file : files) require_distinct_paths(out, file);
  require_partners(a, b, files.back());
  require_partners(b, a, files.front());
  std::vector<MaskSpec> specs;
  for (const auto& mask : a.masks) specs.push_back({mask.name, mask.rows, mask.cols});
  std::vector<MaskSummary> summaries;
  const auto produce = [&](std::size_t index, std::span<std::byte> bits) {
    const auto& mask = a.masks[index];
    combine_mask_bits(operation, mask.bits, partner(mask, b)->bits, mask.rows, mask.cols, bits);
    summaries.push_back({mask.name, mask.rows, mask.cols, kept_share(bits, mask.rows, mask.cols)});
  };
  std::map<std::string, std::string> metadata = {{"operation", std::string(operation_name(operation))}};
  for (std::size_t i = 0; i < files.size(); ++i) metadata.emplace(fmt::format("source_{}", i + 1), files[i].string());
  write_mask_file(out, specs, metadata, produce, context);
  return summaries;
}

std::vector<MaskSummary> apply_masks(const std::string& reference, const fs::path& mask_path, const fs::path& out,
                                     const RunContext& context) {
  const Checkpoint model = Checkpoint::open(reference);
  const MaskFile masks = read_mask_file(mask_path);
  require_distinct_paths(out, model.folder());
  std::vector<MaskSummary> summaries;
  std::set<const Mask*> used;
  const auto replace = [&](const NamedTensor& tensor, std::span<std::byte> bytes) {
    const Mask* mask = masks.find(tensor.name);
    const auto where = match_weight_name(tensor.name);
    for (const auto& candidate : masks.masks) {
      if (mask == nullptr && where && tensor.view.shape.size() == 2 && candidate.where() == where) mask = &candidate;
    }
    if (mask == nullptr) return false;
    if (tensor.view.shape != Shape{mask->rows, mask->cols}) {
      throw Error(ErrorCode::shape_mismatch, fmt::format("{} is {}, its mask is {} × {}", tensor.name,
                                                         shape_text(tensor.view.shape), mask->rows, mask->cols));
    }
    copy_contiguous(tensor.view, bytes.data());
    apply_mask_bits(mask->bits, mask->rows, mask->cols, tensor.view.dtype, bytes);
    used.insert(mask);
    summaries.push_back({tensor.name, mask->rows, mask->cols, kept_share(mask->bits, mask->rows, mask->cols)});
    return true;
  };
  write_output_folder(out, "mask apply", [&](const fs::path& folder) {
    rewrite_checkpoint(model, replace, folder, without_progress(context));
    for (const auto& mask : masks.masks) {
      if (used.count(&mask) != 0) continue;
      throw Error(ErrorCode::missing_tensor, fmt::format("the model has no matrix for mask {}", mask.name))
          .at(mask_path);
    }
  });
  return summaries;
}

}  // namespace lacuna
