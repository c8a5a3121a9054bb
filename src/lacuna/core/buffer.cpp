#include "lacuna/core/buffer.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <new>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

// Large buffers lie on 2 MiB pages where the kernel grants them: a 4096-row matrix touches a page per row otherwise,
// and the first touch of every 4 KiB costs a fault.
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kHugeFrom = 4 * kHugePage;

void wish_for_huge_pages(void* pointer, std::size_t bytes) {
  const auto begin = (reinterpret_cast<std::uintptr_t>(pointer) + kHugePage - 1) / kHugePage * kHugePage;
  const auto end = (reinterpret_cast<std::uintptr_t>(pointer) + bytes) / kHugePage * kHugePage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // if refused, small ones serve
}

}  // namespace

void* allocate_aligned(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  const std::size_t rounded = (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
  void* pointer = rounded < bytes ? nullptr : ::operator new(rounded, std::align_val_t{kBufferAlignment}, std::nothrow);
  if (pointer == nullptr) {
    throw Error(ErrorCode::out_of_memory, fmt::format("cannot allocate {} bytes", bytes));
  }
  if (rounded >= kHugeFrom) wish_for_huge_pages(pointer, rounded);
  return pointer;
}

void free_aligned(void* pointer) noexcept { ::operator delete(pointer, std::align_val_t{kBufferAlignment}); }

}  // namespace lacuna
