#include "lacuna/bench/device_check.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

float widen(DType dtype, std::uint16_t bits) { return dtype == DType::f16 ? f16_to_f32(bits) : bf16_to_f32(bits); }

// y = silu(g)·u in the type: errors of g and u, with |silu'| ≤ 1.1, and the rounding of y, bf16's 2⁻⁹ of it twice over.
void check_gate(std::string_view name, std::span<const std::byte> found, const ReferenceProduct& expected, DType dtype,
                double roundings) {
  const std::size_t n = expected.sums.size() / 2;
  for (std::size_t i = 0; i < n; ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, found.data() + 2 * i, 2);
    const double y = static_cast<double>(widen(dtype, bits));
    const double g = expected.sums[i];
    const double u = expected.sums[n + i];
    const double silu = g / (1.0 + std::exp(-g));
    const double sums = 1.1 * expected.magnitudes[i] * std::fabs(u) + expected.magnitudes[n + i] * std::fabs(silu);
    const double tolerance = roundings * 0x1p-24 * sums + 0x1p-8 * std::fabs(silu * u) + 0x1p-24;
    if (std::fabs(y - silu * u) <= tolerance) continue;
    throw Error(ErrorCode::internal,
                fmt::format("{}: wrong product, row {}: expected {:.9g} ± {:.2g}, got {:.9g}; not timed", name, i,
                            silu * u, tolerance, y));
  }
}

}  // namespace

void check_chain(std::string_view name, const DeviceChain& chain, const DeviceMatrix& matrix,
                 const ReferenceProduct& expected, double roundings) {
  const auto found = run_once(chain, matrix);
  if (chain.gate) return check_gate(name, found, expected, matrix.dtype, roundings);
  std::vector<float> y(expected.sums.size());
  std::memcpy(y.data(), found.data(), y.size() * sizeof(float));
  check_product(name, y, expected, roundings);
}

double column_roundings(std::int64_t active) { return static_cast<double>(active) + 40.0; }

double two_four_roundings(BenchShape shape) { return 4.0 * (static_cast<double>(shape.cols) / 8.0 + 8.0); }

}  // namespace lacuna
