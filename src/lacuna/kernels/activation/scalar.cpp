#include <cmath>
#include <numbers>

#include "lacuna/kernels/activation/activation.hpp"

namespace lacuna::kernels::scalar {
namespace {

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

}  // namespace

float activation(Activation function, float value) {
  const auto x = static_cast<double>(value);
  switch (function) {
    case Activation::silu: return static_cast<float>(x * sigmoid(x));
    case Activation::gelu: return static_cast<float>(x * 0.5 * std::erfc(-x / std::numbers::sqrt2));
    case Activation::gelu_tanh: {
      const double inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
      return static_cast<float>(x * sigmoid(2.0 * inner));  // (1 + tanh u)/2 = σ(2u)
    }
    case Activation::gelu_quick: return static_cast<float>(x * sigmoid(1.702 * x));
    case Activation::relu: return value < 0.0F ? 0.0F : value;
  }
  return value;
}

void activate(Activation function, std::span<float> x) {
  for (auto& value : x) value = activation(function, value);
}

void activate_gated(Activation function, std::span<float> gate, std::span<const float> up) {
  for (std::size_t i = 0; i < gate.size(); ++i) gate[i] = activation(function, gate[i]) * up[i];
}

}  // namespace lacuna::kernels::scalar
