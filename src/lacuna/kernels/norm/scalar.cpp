#include <cmath>

#include "lacuna/kernels/norm/norm.hpp"

namespace lacuna::kernels::scalar {

void rms_norm(MatrixView<const float> x, std::span<const float> weight, float epsilon, MatrixView<float> y) {
  for (std::int64_t r = 0; r < x.rows; ++r) {
    double squares = 0.0;
    for (std::int64_t c = 0; c < x.cols; ++c) squares += static_cast<double>(x(r, c)) * static_cast<double>(x(r, c));
    const auto mean = static_cast<float>(squares / static_cast<double>(x.cols));
    const float scale = 1.0F / std::sqrt(mean + epsilon);
    for (std::int64_t c = 0; c < x.cols; ++c) y(r, c) = weight[static_cast<std::size_t>(c)] * (x(r, c) * scale);
  }
}

void layer_norm(MatrixView<const float> x, std::span<const float> weight, std::span<const float> bias, float epsilon,
                MatrixView<float> y) {
  for (std::int64_t r = 0; r < x.rows; ++r) {
    double sum = 0.0;
    for (std::int64_t c = 0; c < x.cols; ++c) sum += static_cast<double>(x(r, c));
    const double mean = sum / static_cast<double>(x.cols);
    double squares = 0.0;
    for (std::int64_t c = 0; c < x.cols; ++c) {
      const double centred = static_cast<double>(x(r, c)) - mean;
      squares += centred * centred;
    }
    const auto variance = static_cast<float>(squares / static_cast<double>(x.cols));
    const float scale = 1.0F / std::sqrt(variance + epsilon);
    for (std::int64_t c = 0; c < x.cols; ++c) {
      const auto i = static_cast<std::size_t>(c);
      const float normal = (x(r, c) - static_cast<float>(mean)) * scale;
      y(r, c) = (weight.empty() ? normal : weight[i] * normal) + (bias.empty() ? 0.0F : bias[i]);
    }
  }
}

}  // namespace lacuna::kernels::scalar
