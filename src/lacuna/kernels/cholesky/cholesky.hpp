// Triangular factors of a symmetric positive definite matrix.
//
//   factor_upper    H = R·Rᵀ with R upper triangular    reads and writes H's upper triangle; of what lies below it,
//                                                       blocks at the diagonal serve as scratch and must be finite
//   invert_upper    R := R⁻¹                            reads the upper triangle, writes zeros below it
//
// R is the Cholesky factor taken from the last row upwards. Then U = R⁻¹ is the upper factor of the inverse,
// H⁻¹ = UᵀU, without H⁻¹ ever being formed.
//
// Layout    row-major f32, any row stride ≥ columns.
// Accuracy  f32; R·Rᵀ differs from H by at most about n·2^-24 of √(H_ii·H_jj). The same bits for the same shapes,
//           thread count and machine.
// Cost      n³/3 flop, almost all in matrix products.
// Threads   the GEMM library's pool (core/threads.hpp).
// Errors    factor_upper returns false, H destroyed, when H is not positive definite or not finite.
// Source    kernels/cholesky/README.md
#pragma once

#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

bool factor_upper(MatrixView<float> h);
void invert_upper(MatrixView<float> r);

}  // namespace lacuna::kernels
