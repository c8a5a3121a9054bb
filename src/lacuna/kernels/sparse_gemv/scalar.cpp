#include <cmath>
#include <cstring>
#include <vector>

#include "lacuna/kernels/sparse_gemv/sparse_gemv.hpp"

namespace lacuna::kernels::scalar {
namespace {

float element(const ColumnWeights& w, std::int64_t row, std::int64_t col) {
  const auto at = static_cast<std::size_t>(col * w.column_stride + row);
  const auto* bytes = static_cast<const std::byte*>(w.data) + at * dtype_bytes(w.dtype);
  if (w.dtype == DType::f32) {
    float value = 0;
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return w.dtype == DType::f16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

}  // namespace

void sparse_gemv(MatrixView<const float> x, std::span<const ColumnProduct> products) {
  for (const ColumnProduct& p : products) {
    std::vector<float> sums(static_cast<std::size_t>(p.w.rows));
    for (std::int64_t b = 0; b < x.rows; ++b) {
      sums.assign(sums.size(), 0.0F);
      for (std::int64_t j = 0; j < x.cols; ++j) {
        if (std::fabs(x(b, j)) <= p.threshold) continue;
        for (std::int64_t i = 0; i < p.w.rows; ++i) {
          float& sum = sums[static_cast<std::size_t>(i)];
          sum = std::fma(element(p.w, i, j), x(b, j), sum);
        }
      }
      float* y = p.y.row(b);
      for (std::int64_t i = 0; i < p.w.rows; ++i) {
        float value = sums[static_cast<std::size_t>(i)];
        if (p.bias != nullptr) value += p.bias[i];
        y[i] = p.accumulate ? y[i] + value : value;
      }
    }
  }
}

}  // namespace lacuna::kernels::scalar
