// Reading .pt and .pth files in place: what torch.save wrote, as views of the mapped bytes.
//
//   zip (PyTorch ≥ 1.6)   NAME/data.pkl, NAME/data/KEY, NAME/version, NAME/byteorder?      docs/formats/pt.md
//   legacy stream         pickles: magic, protocol, machine, objects, keys; then the storages
//
// Bare tensors and any nesting of dict, OrderedDict, list and tuple; f64 f32 f16 bf16 i64 i32 i16 i8 u8 bool; strides,
// offsets and shared storages are kept. Nothing is executed (pickle.hpp). There is one reading path, the mapped one.
// Never laxer than torch.load, and stricter where a file could mean two things.
//
// Memory   in proportion to the pickle, bounded by MemoryBudget; storages are not touched, except that those of at most
//          64 KiB in a zip are held against their CRC. Larger ones are not, as in torch, which checks none.
// Layout   a view's data may be unaligned for its dtype (legacy files).
// Errors   torchscript_archive, forbidden_global, unsupported_format, unsupported_dtype, corrupt_file, limit_exceeded,
//          out_of_memory, with path and byte offset; those of MappedFile.
#pragma once

#include <filesystem>
#include <memory>

#include "lacuna/formats/byte_source.hpp"
#include "lacuna/formats/tensor_archive.hpp"
#include "lacuna/formats/zip_reader.hpp"

namespace lacuna {

inline constexpr std::uint64_t kPtCheckedBytes = 64 << 10;  // storages up to this size have their CRC checked

TensorArchive read_pt(const std::filesystem::path& path);
TensorArchive read_pt(std::shared_ptr<const MappedFile> file);

// Bytes that the caller keeps alive as long as the views; the archive then holds no file.
TensorArchive read_pt(const ByteSource& source);
TensorArchive read_pt_zip(const ZipReader& zip);
TensorArchive read_pt_legacy(const ByteSource& source);

bool looks_like_pt_zip(const ZipReader& zip);         // a member NAME/data.pkl, NAME/constants.pkl or NAME/code/…
bool looks_like_pt_legacy(const ByteSource& source);  // begins like a pickle
bool looks_like_pt_tar(const ByteSource& source);     // the container of PyTorch ≤ 0.1; always refused

}  // namespace lacuna
