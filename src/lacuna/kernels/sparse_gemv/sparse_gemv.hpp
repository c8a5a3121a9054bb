// Matrix-vector products that read only the columns whose input matters, on the processor.
//
//   y[b,i] = Σ_{j active in b} W[i,j] · x[b,j] + bias[i]     j is active in b where not |x[b,j]| ≤ threshold
//
// A NaN input is active, so it is never hidden; with a threshold below 0 every column is. Several products may share
// the input (q, k and v; gate and up), each with a threshold of its own: the threads start once for all of them.
//
// Layout    W column-contiguous (kernels/transpose makes it): element (i,j) at data[j·column_stride + i], column_stride
//           ≥ rows, any alignment. x: batch×cols. y: batch×rows, any row stride; it aliases nothing. With `accumulate`
//           the product is added to y.
// Exact     the same bits on every ISA and with any number of threads: a sum takes its columns in ascending order, one
//           fused multiplication and addition each, starting from 0; then the bias, then y. A row of a batch has the
//           bits it has alone, except that a column is read when it is active in any of up to 8 rows and meets a 0 in
//           the others, so that a non-finite weight there may spread.
// Accuracy  |error| ≤ (a + 2)·2⁻²⁴·Σ|w·x|, a = active columns.
// Cost      active·rows weights read once; 8 bytes of scratch a column.
// Threads   parallel over rows inside; safe on distinct y.
// Errors    Error{out_of_memory}. Shapes are the caller's promise (asserted).
// Source    kernels/sparse_gemv/README.md; TEAL (arXiv:2408.14690).
#pragma once

#include <cstdint>
#include <span>

#include "lacuna/core/dtype.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

struct ColumnWeights {
  DType dtype = DType::bf16;  // f32, f16 or bf16
  const void* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t column_stride = 0;  // elements
};

struct ColumnProduct {
  ColumnWeights w;
  float threshold = -1.0F;
  const float* bias = nullptr;  // rows, or null
  MatrixView<float> y;
  bool accumulate = false;
};

void sparse_gemv(MatrixView<const float> x, std::span<const ColumnProduct> products);

namespace scalar {
void sparse_gemv(MatrixView<const float> x, std::span<const ColumnProduct> products);
}  // namespace scalar

}  // namespace lacuna::kernels
