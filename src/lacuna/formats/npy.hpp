// NumPy's .npy files, read in place and written.
//
//   "\x93NUMPY" | major, minor | header length: u16 (version 1) or u32 (2, 3) | {'descr': '<f4', …}, padding | values
//
// Little-endian f64 f32 f16, i64 … i8, u64 … u8 and bool, in C or Fortran order (strides tell). The header is a Python
// literal; a parser for exactly its grammar reads it, nothing is evaluated. Object arrays are pickles: refused.
//
// Layout   a view's data may be unaligned for its dtype (headers of other writers, members of an .npz).
// Errors   corrupt_file, unsupported_dtype, unsupported_format (big-endian), limit_exceeded, out_of_memory, with path
//          and byte offset; those of MappedFile and AtomicFile.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "lacuna/core/run_context.hpp"
#include "lacuna/formats/byte_source.hpp"
#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna {

inline constexpr std::uint64_t kMaxNpyHeaderBytes = 10'000;  // NumPy's own limit
inline constexpr std::size_t kMaxNpyRank = 32;               // NumPy's, before version 2

TensorArchive read_npy(const std::filesystem::path& path);  // one tensor, named ""
TensorArchive read_npy(std::shared_ptr<const MappedFile> file);
TensorArchive read_npy(const ByteSource& source);  // bytes that the caller keeps alive

// The array that fills [begin, end) of the source.
TensorView view_npy(const ByteSource& source, std::uint64_t begin, std::uint64_t end);

// Row-major, version 1. `before_commit` as in pt_writer.hpp. bf16 and f8 are Error{unsupported_dtype}: NumPy has none.
void write_npy(const std::filesystem::path& path, const TensorView& tensor, const RunContext& context = {},
               const std::function<void()>& before_commit = {});

std::string npy_header(DType dtype, std::span<const std::int64_t> shape);  // everything before the values

}  // namespace lacuna
