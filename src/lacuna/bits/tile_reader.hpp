// Tiles of a matrix of any element type and strides as f32 or f64, one at a time, in a buffer that stays in the cache.
// Internal to bits.
//
// A tile that already is of type T, aligned and with contiguous rows is not copied. Threads: one reader per thread.
#pragma once

#include <cstdint>
#include <type_traits>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/tensor.hpp"
#include "lacuna/kernels/widen/widen.hpp"

namespace lacuna {

// True when every value of the type is an f32 value, so that neither a zero test nor a product loses anything.
inline bool widens_to_f32(DType dtype) { return dtype_bytes(dtype) <= 2 || dtype == DType::f32; }

template <typename T>
class TileReader {
 public:
  TileReader(const TensorView& matrix, std::int64_t tile_elements)
      : matrix_(matrix), width_(static_cast<std::int64_t>(dtype_bytes(matrix.dtype))) {
    constexpr DType kOwn = std::is_same_v<T, float> ? DType::f32 : DType::f64;
    const auto address = reinterpret_cast<std::uintptr_t>(matrix.data);
    direct_ = matrix.dtype == kOwn && matrix.strides[1] == 1 && address % alignof(T) == 0;
    if (!direct_) buffer_ = AlignedBuffer<T>(static_cast<std::size_t>(tile_elements));
  }

  // Rows [r, r + rows) × columns [c, c + cols); valid until the next call. rows · cols ≤ tile_elements.
  MatrixView<const T> read(std::int64_t r, std::int64_t rows, std::int64_t c, std::int64_t cols) {
    const std::byte* corner = matrix_.data + (r * matrix_.strides[0] + c * matrix_.strides[1]) * width_;
    if (direct_) return {reinterpret_cast<const T*>(corner), rows, cols, matrix_.strides[0]};
    for (std::int64_t i = 0; i < rows; ++i) {
      kernels::widen(matrix_.dtype, corner + i * matrix_.strides[0] * width_, matrix_.strides[1], cols,
                     buffer_.data() + i * cols);
    }
    return {buffer_.data(), rows, cols, cols};
  }

 private:
  const TensorView& matrix_;
  std::int64_t width_;
  bool direct_ = false;
  AlignedBuffer<T> buffer_;
};

}  // namespace lacuna
