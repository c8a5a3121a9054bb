// Matrix-vector product, bound by the speed at which the matrix arrives from memory.
//
//   y = alpha · W·x + beta · y      W: n×k (f32, or f16 or bf16 widened on the fly), x: k, y: n
//
// Layout    row-major, any row stride ≥ k, W at any address; y aliases neither. With beta = 0, y may be uninitialised.
// Accuracy  f32 products and sums over 4·lanes partial sums: relative error of a row ≤ (k/(4·lanes) + 8)·2⁻²⁴·Σ|w·x|.
//           A row's bits depend on the ISA level alone, not on threads, other rows or W's address.
// Cost      one pass over W; k floats of scratch.
// Threads   parallel over rows inside; safe on distinct y.
// Errors    Error{out_of_memory}.
// Source    kernels/gemv/README.md.
#pragma once

#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

void gemv(MatrixView<const float> w, const float* x, float* y, float alpha = 1.0F, float beta = 0.0F);
void gemv_bf16(MatrixView<const std::uint16_t> w, const float* x, float* y, float alpha = 1.0F, float beta = 0.0F);
void gemv_f16(MatrixView<const std::uint16_t> w, const float* x, float* y, float alpha = 1.0F, float beta = 0.0F);

// A batch: each row of x is an input, each row of y what the product above makes of it, bit for bit. Eight inputs at a
// time share a pass over W.
void gemv_batch(MatrixView<const float> w, MatrixView<const float> x, MatrixView<float> y, float alpha = 1.0F,
                float beta = 0.0F);
void gemv_batch_bf16(MatrixView<const std::uint16_t> w, MatrixView<const float> x, MatrixView<float> y,
                     float alpha = 1.0F, float beta = 0.0F);
void gemv_batch_f16(MatrixView<const std::uint16_t> w, MatrixView<const float> x, MatrixView<float> y,
                    float alpha = 1.0F, float beta = 0.0F);

namespace scalar {
void gemv(MatrixView<const float> w, const float* x, float* y, float alpha = 1.0F, float beta = 0.0F);
void gemv_bf16(MatrixView<const std::uint16_t> w, const float* x, float* y, float alpha = 1.0F, float beta = 0.0F);
void gemv_f16(MatrixView<const std::uint16_t> w, const float* x, float* y, float alpha = 1.0F, float beta = 0.0F);
}  // namespace scalar

}  // namespace lacuna::kernels
