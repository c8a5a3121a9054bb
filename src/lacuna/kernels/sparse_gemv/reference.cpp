#include <cmath>
#include <cstring>
#include <vector>

#include "lacuna/kernels/sparse_gemv/cuda.hpp"

namespace lacuna::kernels::reference {
namespace {

double element(DType dtype, const void* data, std::int64_t i) {
  const auto* bytes = static_cast<const std::byte*>(data) + static_cast<std::size_t>(i) * dtype_bytes(dtype);
  if (dtype == DType::f32) {
    float value = 0;
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }
  std::uint16_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return dtype == DType::f16 ? f16_to_f32(bits) : bf16_to_f32(bits);
}

void store(DType dtype, void* data, std::int64_t i, double value) {
  auto* bytes = static_cast<std::byte*>(data) + static_cast<std::size_t>(i) * dtype_bytes(dtype);
  const auto narrow = static_cast<float>(value);
  const std::uint16_t bits = dtype == DType::f16 ? f32_to_f16(narrow) : f32_to_bf16(narrow);
  if (dtype == DType::f32) {
    std::memcpy(bytes, &narrow, sizeof narrow);
  } else {
    std::memcpy(bytes, &bits, sizeof bits);
  }
}

// One batch row of one product, bias included.
std::vector<double> product(const SparseInput& input, const SparseProduct& p, int b) {
  std::vector<double> sums(static_cast<std::size_t>(p.rows), 0.0);
  for (std::int64_t j = 0; j < input.cols; ++j) {
    const double x = element(input.dtype, input.x, b * input.cols + j);
    if (std::fabs(x) <= static_cast<double>(p.threshold)) continue;
    for (std::int64_t i = 0; i < p.rows; ++i) {
      sums[static_cast<std::size_t>(i)] += element(input.dtype, p.w, j * p.column_stride + i) * x;
    }
  }
  if (p.bias != nullptr) {
    for (std::int64_t i = 0; i < p.rows; ++i) sums[static_cast<std::size_t>(i)] += element(input.dtype, p.bias, i);
  }
  return sums;
}

}  // namespace

void sparse_gemv(const SparseInput& input, std::span<const SparseProduct> products) {
  for (const SparseProduct& p : products) {
    for (int b = 0; b < input.batch; ++b) {
      const auto sums = product(input, p, b);
      for (std::int64_t i = 0; i < p.rows; ++i) {
        store(input.dtype, p.y, b * p.rows + i, sums[static_cast<std::size_t>(i)]);
      }
    }
  }
}

void sparse_gate_up(const SparseInput& input, const SparseProduct& gate, const SparseProduct& up, void* y) {
  for (int b = 0; b < input.batch; ++b) {
    const auto g = product(input, gate, b);
    const auto u = product(input, up, b);
    for (std::int64_t i = 0; i < gate.rows; ++i) {
      const auto at = static_cast<std::size_t>(i);
      store(input.dtype, y, b * gate.rows + i, g[at] / (1.0 + std::exp(-g[at])) * u[at]);
    }
  }
}

}  // namespace lacuna::kernels::reference
