// NumPy's .npz archives: a zip whose members NAME.npy are arrays. Stored members are read in place, deflated ones into
// buffers that the archive owns; written ones are stored, their values aligned to 64 bytes.
//
// Memory   deflated members: at most 64 MiB, or 100 × the file, in all.
// Cost     reading checks the CRC of every member, as NumPy does; that reads the whole file once.
// Errors   those of npy.hpp and zip_reader.hpp.
#pragma once

#include "lacuna/formats/npy.hpp"
#include "lacuna/formats/zip_reader.hpp"

namespace lacuna {

inline constexpr std::uint64_t kMaxInflatedBytes = std::uint64_t{64} << 20;
inline constexpr std::uint64_t kMaxInflationOfFile = 100;

TensorArchive read_npz(const std::filesystem::path& path);
TensorArchive read_npz(std::shared_ptr<const MappedFile> file);
TensorArchive read_npz(const ZipReader& zip);  // over bytes that the caller keeps alive
bool looks_like_npz(const ZipReader& zip);     // every member ends in .npy

void write_npz(const std::filesystem::path& path, std::span<const NamedTensor> tensors, const RunContext& context = {},
               const std::function<void()>& before_commit = {});

}  // namespace lacuna
