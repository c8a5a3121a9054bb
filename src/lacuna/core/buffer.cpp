#include "lacuna/core/buffer.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "lacuna/core/error.hpp"

namespace lacuna {

void* allocate_aligned(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  const std::size_t rounded = (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
  void* pointer = rounded < bytes ? nullptr : std::aligned_alloc(kBufferAlignment, rounded);
  if (pointer == nullptr) {
    throw Error(ErrorCode::out_of_memory, fmt::format("cannot allocate {} bytes", bytes));
  }
  return pointer;
}

void free_aligned(void* pointer) noexcept { std::free(pointer); }

}  // namespace lacuna
