#include "lacuna/core/dtype.hpp"
#include "lacuna/kernels/gemv/gemv.hpp"

namespace lacuna::kernels::scalar {
namespace {

template <typename T, typename Widen>
void multiply(MatrixView<const T> w, const float* x, float* y, float alpha, float beta, Widen widen) {
  for (std::int64_t r = 0; r < w.rows; ++r) {
    double sum = 0.0;
    for (std::int64_t c = 0; c < w.cols; ++c) sum += static_cast<double>(widen(w(r, c))) * static_cast<double>(x[c]);
    y[r] = alpha * static_cast<float>(sum) + (beta == 0.0F ? 0.0F : beta * y[r]);
  }
}

}  // namespace

void gemv(MatrixView<const float> w, const float* x, float* y, float alpha, float beta) {
  multiply(w, x, y, alpha, beta, [](float value) { return value; });
}

void gemv_bf16(MatrixView<const std::uint16_t> w, const float* x, float* y, float alpha, float beta) {
  multiply(w, x, y, alpha, beta, bf16_to_f32);
}

void gemv_f16(MatrixView<const std::uint16_t> w, const float* x, float* y, float alpha, float beta) {
  multiply(w, x, y, alpha, beta, f16_to_f32);
}

}  // namespace lacuna::kernels::scalar
