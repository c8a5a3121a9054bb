// Matrix-vector product with a matrix whose zeros are left out: fewer bytes arrive from memory.
//
//   y = alpha · W·x + beta · y      W: rows×cols packed (kernels/expand/expand.hpp), x: cols, y: rows
//
// Exact     the same bits as kernels/gemv on the expanded matrix at the same ISA level: zeros are put back in registers
//           and multiplied, so that a NaN or infinity in x meets them as it would meet dense zeros. Accuracy as there.
// Layout    bitmap and values at any address; y aliases nothing. With beta = 0, y may be uninitialised.
// Cost      one pass over bitmap and values; cols floats of scratch.
// Threads   parallel over rows inside; safe on distinct y.
// Errors    Error{out_of_memory}. The caller has held bitmap and row_starts against each other.
// Source    kernels/packed_gemv/README.md.
#pragma once

#include "lacuna/core/tensor.hpp"
#include "lacuna/kernels/expand/expand.hpp"

namespace lacuna::kernels {

void packed_gemv(const PackedRows& w, const float* x, float* y, float alpha = 1.0F, float beta = 0.0F);

// y(j, r) = alpha · (W·x_j)[r] + beta · y(j, r): each row of x is an input, each row of y what packed_gemv makes of it,
// bit for bit. Eight inputs at a time share a pass over bitmap and values.
void packed_gemv_batch(const PackedRows& w, MatrixView<const float> x, MatrixView<float> y, float alpha = 1.0F,
                       float beta = 0.0F);

namespace scalar {
void packed_gemv(const PackedRows& w, const float* x, float* y, float alpha = 1.0F, float beta = 0.0F);
}  // namespace scalar

}  // namespace lacuna::kernels
