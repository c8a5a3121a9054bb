// Views of tensors and matrices in memory somebody else owns.
//
// TensorView  any dtype, any rank, strides in elements (may be zero or any order: a transposed .pt tensor is a view).
// MatrixView  typed, rank 2, rows contiguous: element (r, c) lies at data[r·row_stride + c].
// A view neither owns nor checks lifetime: its source (TensorArchive, AlignedBuffer) must outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lacuna/core/dtype.hpp"

namespace lacuna {

using Shape = std::vector<std::int64_t>;

std::string shape_text(std::span<const std::int64_t> shape);                        // "[4096, 11008]"
std::vector<std::int64_t> contiguous_strides(std::span<const std::int64_t> shape);  // row-major, in elements

struct TensorView {
  DType dtype = DType::f32;
  Shape shape;
  std::vector<std::int64_t> strides;  // elements
  const std::byte* data = nullptr;    // address of element (0, …, 0)

  std::int64_t numel() const;
  std::size_t bytes() const { return static_cast<std::size_t>(numel()) * dtype_bytes(dtype); }
  bool is_contiguous() const;
};

// A contiguous row-major view over `data`.
TensorView make_tensor_view(DType dtype, Shape shape, const void* data);

// Copies any view, whatever its strides, into row-major order. out holds view.bytes() bytes.
void copy_contiguous(const TensorView& view, std::byte* out);

template <typename T>
struct MatrixView {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t row_stride = 0;  // elements, ≥ cols

  MatrixView() = default;
  MatrixView(T* data_, std::int64_t rows_, std::int64_t cols_) : MatrixView(data_, rows_, cols_, cols_) {}
  MatrixView(T* data_, std::int64_t rows_, std::int64_t cols_, std::int64_t row_stride_)
      : data(data_), rows(rows_), cols(cols_), row_stride(row_stride_) {}

  T* row(std::int64_t r) const { return data + r * row_stride; }
  T& operator()(std::int64_t r, std::int64_t c) const { return data[r * row_stride + c]; }
  std::int64_t numel() const { return rows * cols; }
  MatrixView block(std::int64_t row0, std::int64_t n_rows, std::int64_t col0, std::int64_t n_cols) const {
    return {data + row0 * row_stride + col0, n_rows, n_cols, row_stride};
  }
  operator MatrixView<const T>() const { return {data, rows, cols, row_stride}; }
};

}  // namespace lacuna
