// Dense matrix products, the only place that calls a GEMM library.
//
//   gemm_nt        C = alpha · A·Bᵀ + beta · C     A: m×k, B: n×k, C: m×n   (y = x·Wᵀ of a linear layer)
//   gemm_nn        C = alpha · A·B  + beta · C     A: m×k, B: k×n, C: m×n
//   gemm_nt_bf16   C = A·Bᵀ + beta · C             A, B bf16, products summed in f32; C f32
//
// Layout    row-major f32, any row stride ≥ columns; C aliases neither A nor B. With beta = 0, C may be uninitialised.
// Accuracy  f32 products and sums, order chosen by the library; the same bits for the same shapes, thread count and
//           machine. bf16 products are exact in f32; subnormal bf16 inputs may count as zero.
// Threads   the library's OpenMP pool (core/threads.hpp); inside a parallel region, the calling thread alone.
// Source    kernels/gemm/README.md says which library serves which shape, and why.
#pragma once

#include <string>

#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

void gemm_nt(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float alpha = 1.0F,
             float beta = 0.0F);
void gemm_nn(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float alpha = 1.0F,
             float beta = 0.0F);
void gemm_nt_bf16(MatrixView<const std::uint16_t> a, MatrixView<const std::uint16_t> b, MatrixView<float> c,
                  float beta = 0.0F);

std::string linear_algebra_description();  // "oneDNN 2.6.3", for people

}  // namespace lacuna::kernels
