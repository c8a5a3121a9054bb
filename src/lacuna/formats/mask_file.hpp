// Masks as files of their own: which weights of which matrices are kept, one bit each.
//
// A mask file is a safetensors file whose tensors are U8 [rows, ceil(cols/8)] (bit order: formats/mask_bits.hpp), named
// as the tensor they belong to, or "{layer}.{component}". Metadata:
//
//   lacuna.format   "mask"            lacuna.columns   {"0.fc1":512,…}: cols of every mask, as JSON
//   lacuna.version  "1"               anything else is the writer's: method, source_sha256, …
//
// An .npz archive of numpy.packbits(W != 0, axis=1), keys "{layer}.{component}", is read too; it does not say how many
// columns the last byte holds, so cols is a multiple of eight there.
//
// Errors   corrupt_file: shape and columns disagree, a padding bit is set; unsupported_format: no mask file, or one of
//          a later version; those of the readers and writers.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lacuna/core/run_context.hpp"
#include "lacuna/formats/mask_bits.hpp"
#include "lacuna/formats/script_names.hpp"
#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna {

struct Mask {
  std::string name;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::span<const std::byte> bits;  // rows × mask_row_bytes(cols)

  std::optional<LayerComponent> where() const;  // by either kind of name
};

struct MaskFile {
  std::vector<Mask> masks;
  std::map<std::string, std::string> metadata;  // without Lacuna's own keys
  TensorArchive archive;                        // owns the bits; copies of a MaskFile share them

  const Mask* find(std::string_view name) const;  // null when absent; O(n)
};

bool is_mask_archive(const TensorArchive& archive);
MaskFile read_masks(TensorArchive archive);
MaskFile read_mask_file(const std::filesystem::path& path);

struct MaskSpec {
  std::string name;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
};

// Fills `out` with the bits of masks[index]; padding bits must be zero.
using MaskProducer = std::function<void(std::size_t index, std::span<std::byte> out)>;

void write_mask_file(const std::filesystem::path& path, std::span<const MaskSpec> masks,
                     const std::map<std::string, std::string>& metadata, const MaskProducer& produce,
                     const RunContext& context = {});

}  // namespace lacuna
