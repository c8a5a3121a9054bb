// Reading safetensors files in place: a mapped file, its header checked completely, one view per tensor.
//
//   u64 little-endian n | n bytes of JSON, starting with '{', padded with spaces | tensor bytes, no holes
//
// At least as strict as the Rust reference, and stricter where a file could mean two things: repeated keys, unknown
// keys inside a tensor's entry, a first byte other than '{' and control characters in tensor names are refused too.
//
// Order    tensors come in the order of their bytes, entries without bytes at the same place in header order.
// Layout   row-major, little-endian. A view's data may be unaligned for its dtype: the format does not promise it.
// Cost     O(header) time and memory; tensor bytes are not touched.
// Errors   corrupt_file with the byte offset; limit_exceeded for more than the limits below; unsupported_dtype for
//          types that Lacuna cannot hold (F4, F6_*, F8_E8M0, F8_*FNUZ, C64); out_of_memory; those of MappedFile.
#pragma once

#include <filesystem>
#include <memory>
#include <span>

#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna {

inline constexpr std::uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;  // the reference's limit
inline constexpr std::size_t kMaxSafetensorsTensors = 1 << 18;            // the largest open models have about 10^5
inline constexpr std::size_t kMaxTensorRank = 64;                         // PyTorch's limit

TensorArchive read_safetensors(const std::filesystem::path& path);
TensorArchive read_safetensors(std::shared_ptr<const MappedFile> file);

// True when the first nine bytes can only be a safetensors header (or a damaged one): a length within the limit, '{'.
bool looks_like_safetensors(std::span<const std::byte> file);

// The length field and the JSON of a file that was read without error: everything before the tensor bytes.
std::span<const std::byte> safetensors_header(const MappedFile& file);

}  // namespace lacuna
