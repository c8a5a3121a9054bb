// The dispatch of open_tensor_file(): the content of a file names its format.
#include <fmt/format.h>

#include <filesystem>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/allocation_guard.hpp"
#include "lacuna/formats/npz.hpp"
#include "lacuna/formats/printable.hpp"
#include "lacuna/formats/pt_reader.hpp"
#include "lacuna/formats/safetensors.hpp"
#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna {
namespace {

[[noreturn]] void refuse(const ByteSource& source) {
  Error error(ErrorCode::unsupported_format, "expected .pt/.pth (zip or legacy), safetensors, npy or npz content");
  error.at(source.path(), 0);
  if (source.starts_with("version https://git-lfs")) {
    error.hint("this is a Git LFS pointer; `git lfs pull` fetches the file itself");
  }
  throw error;
}

TensorArchive open_zip(const ByteSource& source) {
  const ZipReader zip(source);
  if (looks_like_pt_zip(zip)) return read_pt_zip(zip);
  if (looks_like_npz(zip)) return read_npz(zip);
  throw Error(ErrorCode::unsupported_format,
              fmt::format("a zip archive that is neither .pt (no NAME/data.pkl) nor npz (holds {})",
                          printable(zip.members().front().name)))
      .at(source.path(), 0);
}

TensorArchive open_bytes(const ByteSource& source) {
  if (source.starts_with("PK\3\4") || source.starts_with("PK\5\6")) return open_zip(source);
  if (source.starts_with("\x93NUMPY")) return read_npy(source);
  if (looks_like_pt_legacy(source) || looks_like_pt_tar(source)) return read_pt_legacy(source);
  refuse(source);
}

}  // namespace

TensorArchive open_tensor_file(const std::filesystem::path& path) {
  return guard_allocation(path, [&] {
    auto file = MappedFile::open(path);
    if (looks_like_safetensors(file->bytes())) return read_safetensors(std::move(file));
    auto archive = open_bytes(ByteSource(file->bytes(), path));
    archive.files.push_back(std::move(file));
    return archive;
  });
}

}  // namespace lacuna
