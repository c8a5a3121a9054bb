// The specification of kernels/threshold.

#include <bit>

#include "lacuna/kernels/threshold/span.hpp"

namespace lacuna::kernels::threshold {
namespace {

std::uint32_t magnitude(float value) { return std::bit_cast<std::uint32_t>(value) & kMagnitude; }

Counts count(const float* values, std::int64_t n, std::uint32_t low, std::uint32_t high) {
  Counts counts;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto bits = magnitude(values[i]);
    counts.below += bits < low ? 1 : 0;
    counts.inside += bits >= low && bits <= high ? 1 : 0;
  }
  return counts;
}

std::int64_t collect(const float* values, std::int64_t n, std::uint32_t low, std::uint32_t high, float* out) {
  std::int64_t written = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto bits = magnitude(values[i]);
    if (bits >= low && bits <= high) out[written++] = std::bit_cast<float>(bits);
  }
  return written;
}

std::int64_t zero_up_to(float* values, std::int64_t n, std::uint32_t high) {
  std::int64_t zeroed = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    if (magnitude(values[i]) > high) continue;
    values[i] = 0.0F;
    ++zeroed;
  }
  return zeroed;
}

bool finite(const float* values, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    if (magnitude(values[i]) >= 0x7f800000U) return false;
  }
  return true;
}

}  // namespace

SpanOps scalar_ops() { return {count, collect, zero_up_to, finite}; }

}  // namespace lacuna::kernels::threshold
