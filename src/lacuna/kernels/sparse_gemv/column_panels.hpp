// A matrix as sparse_gemv reads it fastest: panels of its rows, each column-contiguous, one panel a thread.
//
//   panel p, column j, row i of the panel: element (first_row(p) + i, j)
//
// A thread then reads long runs of its own, and columns that are both active lie side by side; in a matrix transposed
// as a whole, its half of a column is followed by another thread's, and heights that are powers of two put all columns
// on the same sets of the cache.
//
// Layout   ceil(rows / panels / 32)·32 rows a panel, fewer in the last; no panel of fewer than 512 rows unless it is
//          the only one. Panels follow each other without gaps.
// Exact    elements are moved, never interpreted; products do not depend on the number of panels.
// Cost     one read and one write of the matrix (kernels/transpose); rows·cols elements of memory.
// Threads  making is parallel inside; const functions are safe from any thread.
// Errors   Error{out_of_memory}.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/kernels/sparse_gemv/sparse_gemv.hpp"

namespace lacuna::kernels {

class ColumnPanels {
 public:
  static constexpr std::int64_t kFewestRows =
      512;  // 1 KiB of a bf16 column: shorter runs waste what memory sends along

  ColumnPanels() = default;
  // w: rows×cols, row-major without gaps, f32, f16 or bf16.
  ColumnPanels(DType dtype, const std::byte* w, std::int64_t rows, std::int64_t cols, int threads);

  DType dtype() const { return dtype_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }
  std::int64_t panel_rows() const { return panel_rows_; }
  bool empty() const { return data_.empty(); }
  std::size_t bytes() const { return data_.size(); }

  // y = W·x + bias (added to y where `accumulate`) as products of panels, appended. bias may be null.
  struct Part {
    double place = 0.0;  // of the panel within its matrix, in (0, 1)
    ColumnProduct product;
  };
  void append(float threshold, const float* bias, MatrixView<float> y, bool accumulate, std::vector<Part>& parts) const;

 private:
  DType dtype_ = DType::bf16;
  std::int64_t rows_ = 0;
  std::int64_t cols_ = 0;
  std::int64_t panel_rows_ = 0;
  AlignedBuffer<std::byte> data_;
};

// All products of one input, ordered so that each thread's share is made of whole panels where their sizes allow it.
void sparse_gemv(MatrixView<const float> x, std::vector<ColumnPanels::Part>& parts);

}  // namespace lacuna::kernels
