// Dense matrix-vector products on a CUDA device, one token at a time.
//
//   y[i] = Σ_j W[i,j] · x[j] + bias[i]        input and output: device/ends.hpp
//
// Layout    W row-major, f16 or bf16, every row filled with zeros to a multiple of 256 elements; the device holds it as
//           it is. Rows are uploaded in parts, so that several linears may form one matrix.
// Accuracy  f32 products and sums; lane l of a warp adds columns 8l … 8l+7 of every 256 in order, then the 32 lanes are
//           added: the same bits every time. |error| ≤ (cols/32 + 8)·2⁻²⁴·Σ|w·x|, and half a unit of y's type.
// Cost      the matrix read once; one launch, asynchronous on the stream.
// Threads   multiply is safe on distinct outputs. Where launches overlap, the first weights are loaded while
//           the predecessor still runs.
// Errors    Error{invalid_argument}: no f16 or bf16, an empty matrix, rows that are no pairs, or one too wide for a
// block's shared memory (about
//           80,000 columns); Error{io_failed}: the driver refused; Error{out_of_memory}.
// Source    docs/kernels-cuda.md
#pragma once

#include <cstdint>

#include "lacuna/core/dtype.hpp"
#include "lacuna/core/tensor.hpp"
#include "lacuna/kernels/device/device.hpp"
#include "lacuna/kernels/device/ends.hpp"

namespace lacuna::kernels {

class DeviceDense {
 public:
  // Of zeros. row_multiple 2: rows form pairs, as OutputKind::gate needs them.
  DeviceDense(DType dtype, std::int64_t rows, std::int64_t cols, int row_multiple = 1);

  // To the rows first_row, first_row + step, …
  void upload(std::int64_t first_row, MatrixView<const std::uint16_t> rows, std::int64_t step = 1);
  void multiply(const ProductInput& input, const ProductOutput& output, DeviceStream stream = nullptr,
                Overlap overlap = Overlap::none) const;
  bool fits_two() const;  // whether Overlap::two is possible

  DType dtype() const { return dtype_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }
  std::int64_t row_stride() const { return stride_; }  // elements
  const std::byte* data() const { return weights_.data(); }
  std::size_t bytes() const { return weights_.bytes(); }

 private:
  DType dtype_;
  std::int64_t rows_;
  std::int64_t cols_;
  std::int64_t stride_;
  int row_multiple_;
  int warps_ = 1;
  int grid_ = 1;
  DeviceBuffer weights_;
};

}  // namespace lacuna::kernels
