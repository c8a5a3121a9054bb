// oneDNN behind one header, so that its API versions (2.6 in Debian 12, 3.x elsewhere) concern one file.
//
//   sgemm     C = alpha · A·op(B) + beta · C, any call inside or outside a parallel region, no set-up cost
//   sgemm_tn  C = alpha · Aᵀ·B + beta · C, A: k×m, B: k×n; likewise
//   matmul    the same for f32 or bf16 A and B, f32 C, alpha = 1: a generated kernel per shape, kept in a cache
//
// Layout    row-major, any row stride. op(B) = Bᵀ for Transpose::yes (B: n×k), B otherwise (B: k×n).
// Threads   safe; the cache is per thread. Inside an OpenMP parallel region both run on the calling thread.
// Errors    Error{internal} with the library's words.
#pragma once

#include <string>

#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels::onednn {

enum class Transpose { no, yes };

void sgemm(MatrixView<const float> a, MatrixView<const float> b, Transpose transpose_b, MatrixView<float> c,
           float alpha, float beta);
void sgemm_tn(MatrixView<const float> a, MatrixView<const float> b, MatrixView<float> c, float alpha, float beta);
void matmul(MatrixView<const float> a, MatrixView<const float> b, Transpose transpose_b, MatrixView<float> c,
            float beta);
void matmul(MatrixView<const std::uint16_t> a, MatrixView<const std::uint16_t> b, Transpose transpose_b,
            MatrixView<float> c, float beta);

std::string version_text();  // "oneDNN 2.6.3"

}  // namespace lacuna::kernels::onednn
