#include "lacuna/bench/product_check.hpp"

#include <fmt/format.h>

#include <cmath>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/convert/convert.hpp"
#include "lacuna/kernels/gemv/gemv.hpp"

namespace lacuna {

void dense_gemv(DType dtype, BenchShape shape, const std::byte* weights, const float* x, float* y) {
  const auto* halves = reinterpret_cast<const std::uint16_t*>(weights);
  if (dtype == DType::bf16) return kernels::gemv_bf16({halves, shape.rows, shape.cols}, x, y);
  if (dtype == DType::f16) return kernels::gemv_f16({halves, shape.rows, shape.cols}, x, y);
  kernels::gemv({reinterpret_cast<const float*>(weights), shape.rows, shape.cols}, x, y);
}

ReferenceProduct reference_product(DType dtype, BenchShape shape, const std::byte* weights, const float* x) {
  const auto n = static_cast<std::size_t>(shape.rows);
  ReferenceProduct product = {std::vector<double>(n), std::vector<double>(n)};
  parallel_for(shape.rows, 64, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> row(static_cast<std::size_t>(shape.cols));
    for (auto r = begin; r < end; ++r) {
      const std::byte* at = weights + static_cast<std::size_t>(r * shape.cols) * dtype_bytes(dtype);
      kernels::to_f32(make_tensor_view(dtype, {shape.cols}, at), row.data());
      double sum = 0.0;
      double magnitude = 0.0;
      for (std::size_t c = 0; c < row.size(); ++c) {
        const double term = static_cast<double>(row[c]) * static_cast<double>(x[c]);
        sum += term;
        magnitude += std::fabs(term);
      }
      product.sums[static_cast<std::size_t>(r)] = sum;
      product.magnitudes[static_cast<std::size_t>(r)] = magnitude;
    }
  });
  return product;
}

void check_product(std::string_view name, std::span<const float> y, const ReferenceProduct& expected,
                   double roundings) {
  for (std::size_t r = 0; r < y.size(); ++r) {
    const double tolerance = roundings * 0x1p-24 * expected.magnitudes[r];
    if (std::fabs(static_cast<double>(y[r]) - expected.sums[r]) <= tolerance) continue;
    throw Error(ErrorCode::internal,
                fmt::format("{}: wrong product, row {}: expected {:.9g} ± {:.2g}, got {:.9g}; not timed", name, r,
                            expected.sums[r], tolerance, y[r]));
  }
}

double dense_roundings(BenchShape shape) { return static_cast<double>(shape.cols) / 32.0 + 8.0; }

void check_request(DType dtype, BenchShape shape, std::span<const double> sparsities) {
  if (shape.rows < 1 || shape.cols < 1) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("shape: expected at least 1×1, got {}×{}", shape.rows, shape.cols));
  }
  if (dtype != DType::f32 && dtype != DType::f16 && dtype != DType::bf16) {
    throw Error(ErrorCode::invalid_argument, fmt::format("type: expected f32, f16 or bf16, got {}", dtype_name(dtype)));
  }
  for (const double sparsity : sparsities) {
    if (sparsity >= 0.0 && sparsity < 1.0) continue;
    throw Error(ErrorCode::invalid_argument, fmt::format("sparsity: expected one in [0, 1), got {}", sparsity));
  }
}

}  // namespace lacuna
