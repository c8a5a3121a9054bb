#include <cstring>

#include "lacuna/kernels/expand/expand.hpp"

namespace lacuna::kernels::scalar {

void expand_row(std::size_t element_bytes, const std::uint8_t* bitmap, std::int64_t cols, const std::byte* values,
                std::byte* out) {
  for (std::int64_t c = 0; c < cols; ++c) {
    std::byte* target = out + static_cast<std::size_t>(c) * element_bytes;
    if ((bitmap[c / 8] >> (c % 8) & 1U) != 0) {
      std::memcpy(target, values, element_bytes);
      values += element_bytes;
    } else {
      std::memset(target, 0, element_bytes);
    }
  }
}

}  // namespace lacuna::kernels::scalar
