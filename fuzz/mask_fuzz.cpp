// Any bytes as a mask file, safetensors or npz: an Error, or masks whose bits all lie in the file.
#include <cstdlib>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/mask_file.hpp"
#include "memory_file.hpp"
#include "touch_views.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lacuna::fuzz::MemoryFile file(data, size);
  try {
    const auto masks = lacuna::read_mask_file(file.path());
    for (const auto& mask : masks.masks) {
      const auto bytes =
          static_cast<std::size_t>(mask.rows) * static_cast<std::size_t>(lacuna::mask_row_bytes(mask.cols));
      if (mask.rows <= 0 || mask.cols <= 0 || mask.bits.size() != bytes) std::abort();
      if (lacuna::count_mask_bits(mask.bits) > mask.rows * mask.cols) std::abort();
      if (masks.find(mask.name) == nullptr) std::abort();
      static_cast<void>(mask.where());
    }
  } catch (const lacuna::Error& error) {
    lacuna::fuzz::require_proper(error, size);
  }
  return 0;
}
