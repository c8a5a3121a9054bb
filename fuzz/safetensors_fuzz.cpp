// Any bytes as a safetensors file: an Error, or tensors that can be read whole, and that survive being written.
#include <cstdlib>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/mask_file.hpp"
#include "lacuna/formats/safetensors.hpp"
#include "memory_file.hpp"

namespace {

unsigned sum_of_bytes(const lacuna::TensorArchive& archive) {
  unsigned sum = 0;
  std::size_t total = 0;
  for (const auto& tensor : archive.tensors) {
    const std::size_t bytes = tensor.view.bytes();
    total += bytes;
    for (std::size_t i = 0; i < bytes; ++i) sum += std::to_integer<unsigned>(tensor.view.data[i]);
  }
  const auto& file = *archive.files.at(0);
  if (lacuna::safetensors_header(file).size() + total != file.size()) std::abort();  // the tensors cover the file
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lacuna::fuzz::MemoryFile file(data, size);
  try {
    const auto archive = lacuna::read_safetensors(file.path());
    volatile unsigned sum = sum_of_bytes(archive);
    (void)sum;
    if (lacuna::is_mask_archive(archive)) {
      for (const auto& mask : lacuna::read_masks(archive).masks) {
        if (lacuna::count_mask_bits(mask.bits) > mask.rows * mask.cols) std::abort();
      }
    }
  } catch (const lacuna::Error& error) {
    if (error.code() == lacuna::ErrorCode::internal || error.path().empty()) std::abort();
  }
  return 0;
}
