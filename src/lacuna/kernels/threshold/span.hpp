// One stretch of contiguous values of kernels/threshold: the specification (scalar.cpp) and Highway's version
// (simd.cpp). A value is meant by the bits of its magnitude: they order like integers.
#pragma once

#include <cstdint>

namespace lacuna::kernels::threshold {

inline constexpr std::uint32_t kMagnitude = 0x7fffffffU;

struct Counts {
  std::int64_t below = 0;   // |v| < low
  std::int64_t inside = 0;  // low ≤ |v| ≤ high
};

struct SpanOps {
  Counts (*count)(const float* values, std::int64_t n, std::uint32_t low, std::uint32_t high);
  // Writes the magnitudes inside [low, high] to out, in order; returns how many. Writes nothing beyond them.
  std::int64_t (*collect)(const float* values, std::int64_t n, std::uint32_t low, std::uint32_t high, float* out);
  std::int64_t (*zero_up_to)(float* values, std::int64_t n, std::uint32_t high);
  bool (*finite)(const float* values, std::int64_t n);
};

SpanOps scalar_ops();
SpanOps simd_ops();

}  // namespace lacuna::kernels::threshold
