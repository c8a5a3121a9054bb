#include "lacuna/formats/mask_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/allocation_guard.hpp"
#include "lacuna/formats/json_cursor.hpp"
#include "lacuna/formats/json_text.hpp"
#include "lacuna/formats/printable.hpp"
#include "lacuna/formats/safetensors_writer.hpp"

namespace lacuna {
namespace {

const std::string kFormatKey = "lacuna.format";
const std::string kVersionKey = "lacuna.version";
const std::string kColumnsKey = "lacuna.columns";

const std::filesystem::path& path_of(const TensorArchive& archive) {
  static const std::filesystem::path none;
  return archive.files.empty() ? none : archive.files.front()->path();
}

Error damaged(const TensorArchive& archive, const std::string& message) {
  Error error(ErrorCode::corrupt_file, message);
  error.at(path_of(archive));
  return error;
}

bool is_packed_matrix(const NamedTensor& tensor) {
  return tensor.view.dtype == DType::u8 && tensor.view.shape.size() == 2;
}

std::map<std::string, std::int64_t> columns_of(const TensorArchive& archive) {
  std::map<std::string, std::int64_t> columns;
  const auto entry = archive.metadata.find(kColumnsKey);
  if (entry == archive.metadata.end()) throw damaged(archive, "the mask file lacks its lacuna.columns");
  const auto& path = path_of(archive);
  JsonCursor json(entry->second, path);
  std::string name;
  json.begin_object();
  while (json.next_key(name)) {
    const std::uint64_t cols = json.unsigned_integer();
    if (cols > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) ||
        !columns.emplace(name, static_cast<std::int64_t>(cols)).second) {
      throw damaged(archive, fmt::format("lacuna.columns has {} twice, or too large", printable(name)));
    }
  }
  json.finish();
  return columns;
}

void require_version(const TensorArchive& archive) {
  const auto version = archive.metadata.find(kVersionKey);
  if (version != archive.metadata.end() && version->second == "1") return;
  throw Error(ErrorCode::unsupported_format,
              fmt::format("expected a mask file of version 1, got {}",
                          version == archive.metadata.end() ? "none" : printable(version->second)))
      .at(path_of(archive));
}

void require_clear_padding(const TensorArchive& archive, const Mask& mask) {
  const auto used = mask.cols % 8;
  if (used == 0) return;
  const auto padding = std::byte(0xFFU >> used);
  const auto row_bytes = static_cast<std::size_t>(mask_row_bytes(mask.cols));
  for (std::size_t end = row_bytes; end <= mask.bits.size(); end += row_bytes) {
    if ((mask.bits[end - 1] & padding) != std::byte{0}) {
      throw damaged(archive, fmt::format("mask {} has bits beyond its {} columns", printable(mask.name), mask.cols));
    }
  }
}

// The tensor's bytes in row-major order; copied into the archive only where they are not.
std::span<const std::byte> contiguous_bytes(TensorArchive& archive, const TensorView& view) {
  if (view.is_contiguous()) return {view.data, view.bytes()};
  auto copy = std::make_shared<AlignedBuffer<std::byte>>(view.bytes());
  copy_contiguous(view, copy->data());
  archive.owned.push_back(copy);
  return copy->span();
}

Mask read_mask(TensorArchive& archive, const NamedTensor& tensor, const std::map<std::string, std::int64_t>* columns) {
  if (!is_packed_matrix(tensor)) {
    throw damaged(archive,
                  fmt::format("expected U8 [rows, bytes] masks, got {} {} for {}", safetensors_name(tensor.view.dtype),
                              shape_text(tensor.view.shape), printable(tensor.name)));
  }
  Mask mask;
  mask.name = tensor.name;
  mask.rows = tensor.view.shape[0];
  const std::int64_t row_bytes = tensor.view.shape[1];
  if (tensor.view.numel() == 0) throw damaged(archive, fmt::format("mask {} has no entries", printable(mask.name)));
  mask.cols = row_bytes * 8;
  if (columns != nullptr) {
    const auto entry = columns->find(tensor.name);
    if (entry == columns->end() || mask_row_bytes(entry->second) != row_bytes) {
      throw damaged(archive, fmt::format("mask {} has {} bytes a row, which lacuna.columns contradicts",
                                         printable(tensor.name), row_bytes));
    }
    mask.cols = entry->second;
  }
  mask.bits = contiguous_bytes(archive, tensor.view);
  require_clear_padding(archive, mask);
  return mask;
}

std::string columns_json(std::span<const MaskSpec> masks) {
  std::map<std::string_view, std::int64_t> columns;  // sorted, so that equal masks give equal files
  for (const auto& mask : masks) columns.emplace(mask.name, mask.cols);
  std::string json = "{";
  std::string_view separator;
  for (const auto& [name, cols] : columns) {
    json += fmt::format("{}{}:{}", separator, json_text(name), cols);
    separator = ",";
  }
  return json + "}";
}

}  // namespace

std::optional<LayerComponent> Mask::where() const {
  if (auto key = parse_mask_key(name)) return key;
  return match_weight_name(name);
}

const Mask* MaskFile::find(std::string_view name) const {
  const auto found = std::find_if(masks.begin(), masks.end(), [&](const Mask& mask) { return mask.name == name; });
  return found == masks.end() ? nullptr : &*found;
}

bool is_mask_archive(const TensorArchive& archive) {
  if (archive.format == FileFormat::safetensors) {
    const auto format = archive.metadata.find(kFormatKey);
    return format != archive.metadata.end() && format->second == "mask";
  }
  const auto looks_packed = [](const NamedTensor& tensor) {
    return is_packed_matrix(tensor) && parse_mask_key(tensor.name).has_value();
  };
  return archive.format == FileFormat::npz && !archive.tensors.empty() &&
         std::all_of(archive.tensors.begin(), archive.tensors.end(), looks_packed);
}

MaskFile read_masks(TensorArchive archive) {
  const auto& path = path_of(archive);  // of a mapped file, which outlives the archive's move below
  return guard_allocation(path, [&] {
    if (!is_mask_archive(archive)) {
      throw Error(ErrorCode::unsupported_format, "expected a mask file (safetensors with lacuna.format = mask, or npz)")
          .at(path);
    }
    std::map<std::string, std::int64_t> columns;
    const bool own = archive.format == FileFormat::safetensors;
    if (own) {
      require_version(archive);
      columns = columns_of(archive);
      if (columns.size() != archive.tensors.size()) throw damaged(archive, "lacuna.columns names other masks");
    }
    MaskFile file;
    for (const auto& tensor : archive.tensors)
      file.masks.push_back(read_mask(archive, tensor, own ? &columns : nullptr));
    file.metadata = archive.metadata;
    for (const auto& key : {kFormatKey, kVersionKey, kColumnsKey}) file.metadata.erase(key);
    file.archive = std::move(archive);
    return file;
  });
}

MaskFile read_mask_file(const std::filesystem::path& path) { return read_masks(open_tensor_file(path)); }

void write_mask_file(const std::filesystem::path& path, std::span<const MaskSpec> masks,
                     const std::map<std::string, std::string>& metadata, const MaskProducer& produce,
                     const RunContext& context) {
  guard_allocation(path, [&] {
    std::vector<TensorSpec> specs;
    for (const auto& mask : masks) specs.push_back({mask.name, DType::u8, {mask.rows, mask_row_bytes(mask.cols)}});
    auto all = metadata;
    all[kFormatKey] = "mask";
    all[kVersionKey] = "1";
    all[kColumnsKey] = columns_json(masks);
    write_safetensors(path, std::span<const TensorSpec>(specs), all, produce, context);
  });
}

}  // namespace lacuna
