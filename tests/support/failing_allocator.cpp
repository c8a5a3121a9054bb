#include "support/failing_allocator.hpp"

#include <cstdlib>
#include <new>

namespace {

thread_local bool counting = false;
thread_local bool failed = false;
thread_local std::uint64_t remaining = 0;

bool must_fail() {
  if (!counting || failed) return false;
  if (remaining-- != 0) return false;
  failed = true;
  return true;
}

}  // namespace

void* operator new(std::size_t bytes) {
  void* pointer = must_fail() ? nullptr : std::malloc(bytes == 0 ? 1 : bytes);
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}

void* operator new[](std::size_t bytes) { return operator new(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return must_fail() ? nullptr : std::malloc(bytes == 0 ? 1 : bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t& tag) noexcept { return operator new(bytes, tag); }
void operator delete(void* pointer) noexcept { std::free(pointer); }
void operator delete[](void* pointer) noexcept { std::free(pointer); }
void operator delete(void* pointer, std::size_t) noexcept { std::free(pointer); }
void operator delete[](void* pointer, std::size_t) noexcept { std::free(pointer); }
void operator delete(void* pointer, const std::nothrow_t&) noexcept { std::free(pointer); }
void operator delete[](void* pointer, const std::nothrow_t&) noexcept { std::free(pointer); }

// Aligned buffers (core/buffer.cpp) come through these.
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return must_fail() ? nullptr : std::aligned_alloc(static_cast<std::size_t>(alignment), bytes);
}
void operator delete(void* pointer, std::align_val_t) noexcept { std::free(pointer); }

namespace lacuna::test {

FailingAllocation::FailingAllocation(std::uint64_t nth) {
  remaining = nth;
  failed = false;
  counting = true;
}

FailingAllocation::~FailingAllocation() { counting = false; }

bool FailingAllocation::happened() const { return failed; }

}  // namespace lacuna::test
