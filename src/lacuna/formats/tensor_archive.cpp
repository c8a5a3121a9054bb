#include "lacuna/formats/tensor_archive.hpp"

#include <algorithm>

namespace lacuna {

std::string_view file_format_name(FileFormat format) {
  switch (format) {
    case FileFormat::safetensors: return "safetensors";
    case FileFormat::pt_zip: return "pt (zip)";
    case FileFormat::pt_legacy: return "pt (legacy)";
    case FileFormat::npy: return "npy";
    case FileFormat::npz: return "npz";
  }
  return "unknown";
}

const TensorView* TensorArchive::find(std::string_view name) const {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const auto& tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &found->view;
}

void TensorArchive::check_intact() const {
  for (const auto& file : files) file->check_intact();
}

}  // namespace lacuna
