// The dispatch of open_tensor_file(): the first bytes of a file name its format.
#include <fmt/format.h>

#include <filesystem>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/safetensors.hpp"
#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna {

TensorArchive open_tensor_file(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  if (looks_like_safetensors(file->bytes())) return read_safetensors(file);
  throw Error(ErrorCode::unsupported_format, "expected .pt/.pth (zip or legacy), safetensors, npy or npz content")
      .at(path, 0);
}

}  // namespace lacuna
