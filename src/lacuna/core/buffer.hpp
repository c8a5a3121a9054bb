// An owned, 64-byte aligned array of trivially copyable elements.
//
// Uninitialised after construction unless zeroed. Move-only. Throws Error{out_of_memory} when the allocation fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>

#include "lacuna/core/tensor.hpp"

namespace lacuna {

inline constexpr std::size_t kBufferAlignment = 64;

void* allocate_aligned(std::size_t bytes);  // throws Error{out_of_memory}
void free_aligned(void* pointer) noexcept;

template <typename T>
class AlignedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t size) : data_(static_cast<T*>(allocate_aligned(size * sizeof(T)))), size_(size) {}

  static AlignedBuffer zeroed(std::size_t size) {
    AlignedBuffer buffer(size);
    if (size != 0) std::memset(static_cast<void*>(buffer.data()), 0, size * sizeof(T));
    return buffer;
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return data_.get()[i]; }
  const T& operator[](std::size_t i) const { return data_.get()[i]; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  std::span<T> span() { return {data(), size_}; }
  std::span<const T> span() const { return {data(), size_}; }

 private:
  struct Free {
    void operator()(T* pointer) const noexcept { free_aligned(pointer); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t size_ = 0;
};

// An owned row-major matrix.
template <typename T>
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::int64_t rows, std::int64_t cols)
      : buffer_(static_cast<std::size_t>(rows * cols)), rows_(rows), cols_(cols) {}
  static Matrix zeroed(std::int64_t rows, std::int64_t cols) {
    Matrix matrix(rows, cols);
    if (!matrix.buffer_.empty()) std::memset(static_cast<void*>(matrix.data()), 0, matrix.buffer_.size() * sizeof(T));
    return matrix;
  }

  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }
  std::int64_t numel() const { return rows_ * cols_; }
  T* data() { return buffer_.data(); }
  const T* data() const { return buffer_.data(); }
  T& operator()(std::int64_t r, std::int64_t c) { return buffer_[static_cast<std::size_t>(r * cols_ + c)]; }
  const T& operator()(std::int64_t r, std::int64_t c) const { return buffer_[static_cast<std::size_t>(r * cols_ + c)]; }
  MatrixView<T> view() { return {data(), rows_, cols_}; }
  MatrixView<const T> view() const { return {data(), rows_, cols_}; }

 private:
  AlignedBuffer<T> buffer_;
  std::int64_t rows_ = 0;
  std::int64_t cols_ = 0;
};

}  // namespace lacuna
