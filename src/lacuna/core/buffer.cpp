#include "lacuna/core/buffer.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cstdlib>

#include "lacuna/core/error.hpp"

namespace lacuna {

namespace {

// Large buffers lie on 2 MiB pages where the kernel grants them: a 4096-row matrix touches a page per row otherwise,
// and the first touch of every 4 KiB costs a fault.
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kHugeFrom = 4 * kHugePage;  // rounding up wastes at most a quarter

}  // namespace

void* allocate_aligned(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  const std::size_t alignment = bytes >= kHugeFrom ? kHugePage : kBufferAlignment;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* pointer = rounded < bytes ? nullptr : std::aligned_alloc(alignment, rounded);
  if (pointer == nullptr) {
    throw Error(ErrorCode::out_of_memory, fmt::format("cannot allocate {} bytes", bytes));
  }
  if (alignment == kHugePage) madvise(pointer, rounded, MADV_HUGEPAGE);  // a wish: without it small pages serve
  return pointer;
}

void free_aligned(void* pointer) noexcept { std::free(pointer); }

}  // namespace lacuna
