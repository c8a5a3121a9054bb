// Activation functions of decoder MLPs, element by element and in place.
//
//   silu        x · σ(x)                                   σ(x) = 1 / (1 + e⁻ˣ)
//   gelu        x · Φ(x) = x/2 · (1 + erf(x/√2))
//   gelu_tanh   x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³)))
//   gelu_quick  x · σ(1.702·x)
//   relu        max(x, 0); NaN stays NaN
//   activate         x ← f(x)
//   activate_gated   gate ← f(gate) · up                   the gated MLP of LLaMA and its relatives
//
// Accuracy  scalar.cpp: libm in f32 or f64. Vector code: σ through an exponential of ≤ 2 ulp, so silu, gelu_tanh and
//           gelu_quick have relative error ≤ 16·2⁻²⁴ (+ |x|·ε of the exponent's argument); erf by Abramowitz & Stegun
//           7.1.26, absolute error ≤ 1.5e-7 + 4·2⁻²⁴, so gelu has absolute error ≤ |x|·3e-7. relu is exact.
// Threads   parallel inside; safe on distinct outputs.
// Source    kernels/activation/README.md.
#pragma once

#include <cstdint>
#include <span>

namespace lacuna::kernels {

enum class Activation : std::uint8_t { silu, gelu, gelu_tanh, gelu_quick, relu };

void activate(Activation function, std::span<float> x);
void activate_gated(Activation function, std::span<float> gate, std::span<const float> up);  // equal sizes

namespace scalar {
float activation(Activation function, float x);
void activate(Activation function, std::span<float> x);
void activate_gated(Activation function, std::span<float> gate, std::span<const float> up);
}  // namespace scalar

}  // namespace lacuna::kernels
