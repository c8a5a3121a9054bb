// Writing .pt files that torch.load(weights_only=True) reads back bit for bit.
//
//   archive/data.pkl, archive/byteorder, archive/data/0 …, archive/version     zip, payloads aligned to 64 bytes
//
// A bare tensor, or a dict of name → tensor in the order given. Values are written row-major, each tensor with a
// storage of its own; NaN payloads are kept. Equal input gives equal bytes, whatever the file is called. Output appears
// complete or not at all, synced; one tensor at a time is in memory at most, none for contiguous views. Writing over
// the file that the views map is safe: they keep the old file's bytes.
//
// Threads  one writer per path; producers are called in order, on the calling thread.
// Errors   invalid_argument (repeated names, names that are not UTF-8), unsupported_dtype (f8, u16, u32, u64: torch has
//          no storage type for them), limit_exceeded, no_space, io_failed, interrupted, file_changed and whatever a
//          producer throws; nothing is left behind then.
#pragma once

#include "lacuna/formats/tensor_archive.hpp"
#include "lacuna/formats/tensor_output.hpp"
#include "lacuna/formats/zip_writer.hpp"

namespace lacuna {

// A dict; the producer fills one tensor at a time.
void write_pt(const std::filesystem::path& path, std::span<const TensorSpec> tensors, const TensorProducer& produce,
              const RunContext& context = {});

// A dict of views, which may be strided. `before_commit` runs when all bytes are written, and when writing failed: pass
// the inputs' check_intact(), so that a truncated input is reported as such.
void write_pt(const std::filesystem::path& path, std::span<const NamedTensor> tensors, const RunContext& context = {},
              const std::function<void()>& before_commit = {}, std::uint64_t zip64_from = kZip64From);

// A bare tensor, as the research scripts keep one matrix per file.
void write_pt_tensor(const std::filesystem::path& path, const TensorView& tensor, const RunContext& context = {},
                     const std::function<void()>& before_commit = {});

// The data.pkl of such a file (pt_pickle.cpp).
enum class PtRoot { tensor, dict };
std::string pt_pickle(PtRoot root, std::span<const TensorSpec> tensors);

}  // namespace lacuna
