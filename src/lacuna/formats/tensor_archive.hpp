// The tensors of one or several files, whatever the format, as views of mapped bytes.
//
// Every reader (pt, safetensors, npy, npz) produces this. Names are unique; order is the file's. Views point into the
// mapped files, or into buffers that the archive owns where a format forces a copy (compressed npz members). Sharing is
// by shared_ptr: copies of an archive are cheap, and a view lives as long as any of them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/mapped_file.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna {

enum class FileFormat { safetensors, pt_zip, pt_legacy, npy, npz };
std::string_view file_format_name(FileFormat format);  // "safetensors", "pt (zip)", "pt (legacy)", "npy", "npz"

struct NamedTensor {
  std::string name;  // nested containers join with '.': "model.layers.0.weight"; a bare tensor is ""
  TensorView view;
};

struct TensorArchive {
  FileFormat format = FileFormat::safetensors;
  std::vector<NamedTensor> tensors;
  std::map<std::string, std::string> metadata;  // safetensors __metadata__; empty elsewhere
  std::vector<std::shared_ptr<const MappedFile>> files;
  std::vector<std::shared_ptr<const AlignedBuffer<std::byte>>> owned;

  const TensorView* find(std::string_view name) const;  // null when absent; O(n)
  void check_intact() const;                            // throws Error{file_changed}
};

// Opens any supported tensor file; the content decides, not the file name. Throws Error{unsupported_format}.
TensorArchive open_tensor_file(const std::filesystem::path& path);

}  // namespace lacuna
