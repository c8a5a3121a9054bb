// The dispatch of open_tensor_file(): the content of a file names its format.
#include <filesystem>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/allocation_guard.hpp"
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

}  // namespace

TensorArchive open_tensor_file(const std::filesystem::path& path) {
  return guard_allocation(path, [&] {
    const auto file = MappedFile::open(path);
    const ByteSource source(file->bytes(), path);
    if (looks_like_safetensors(source.bytes())) return read_safetensors(file);
    if (source.starts_with("PK\3\4") || source.starts_with("PK\5\6") || looks_like_pt_legacy(source) ||
        looks_like_pt_tar(source)) {
      return read_pt(file);
    }
    refuse(source);
  });
}

}  // namespace lacuna
