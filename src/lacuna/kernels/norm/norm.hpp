// Row normalisation of decoder layers.
//
//   rms_norm     y = w · x / sqrt(mean(x²) + ε)                      x, y: rows×n, w: n
//   layer_norm   y = w · (x − mean(x)) / sqrt(var(x) + ε) + b        var is the biased variance; w and b may be empty
//
// Layout    row-major f32, any row stride; y may be x itself.
// Accuracy  scalar.cpp sums in f64; the vector code sums in f32 over 4·lanes partial sums, so that the sum's relative
//           error is at most (n / (4·lanes) + 8)·2⁻²⁴. Deterministic for a given ISA.
// Threads   parallel over rows inside; safe on distinct outputs.
// Source    kernels/norm/README.md.
#pragma once

#include <span>

#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

void rms_norm(MatrixView<const float> x, std::span<const float> weight, float epsilon, MatrixView<float> y);
void layer_norm(MatrixView<const float> x, std::span<const float> weight, std::span<const float> bias, float epsilon,
                MatrixView<float> y);

namespace scalar {
void rms_norm(MatrixView<const float> x, std::span<const float> weight, float epsilon, MatrixView<float> y);
void layer_norm(MatrixView<const float> x, std::span<const float> weight, std::span<const float> bias, float epsilon,
                MatrixView<float> y);
}  // namespace scalar

}  // namespace lacuna::kernels
