// Dense matrix products, the only place that calls a GEMM library.
//
//   gemm_nt       C = alpha · A·Bᵀ + beta · C     A: m×k, B: n×k, C: m×n   (y = x·Wᵀ of a linear layer)
//   gemm_nn       C = alpha · A·B  + beta · C     A: m×k, B: k×n, C: m×n
//   gram_update   G = beta · G + alpha · XᵀX      X: t×n, G: n×n, upper and lower triangle both written
//   gram_update_upper   the same, touching the upper triangle with the diagonal only
//
// Layout    row-major f32, any row stride ≥ columns; C aliases neither A nor B.
// Accuracy  f32 products and sums, order chosen by the library; the same bits for the same shapes, thread count and
//           machine.
// Threads   the library's OpenMP pool (core/threads.hpp).
#pragma once

#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

void gemm_nt(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float alpha = 1.0F,
             float beta = 0.0F);
void gemm_nn(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float alpha = 1.0F,
             float beta = 0.0F);
void gram_update(MatrixView<const float> x, MatrixView<float> gram, float alpha, float beta);
void gram_update_upper(MatrixView<const float> x, MatrixView<float> gram, float alpha, float beta);

}  // namespace lacuna::kernels
