// One row of kernels/select: the specification (scalar.cpp) and what Highway makes of it (simd.cpp).
//
// scale has cols values or is null; scratch holds scratch_size(cols) values and is private to the caller's thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lacuna/kernels/select/select.hpp"

namespace lacuna::kernels::select {

inline constexpr int kMaxSimdGroup = 64;  // larger m run the scalar code

inline std::size_t scratch_size(std::int64_t cols) { return static_cast<std::size_t>(cols) + 64; }

namespace scalar {
ScoreEnergy zero_k_smallest_row(float* weights, const float* scale, std::int64_t cols, std::int64_t k, float* scratch);
ScoreEnergy zero_n_of_m_row(float* weights, const float* scale, std::int64_t cols, int n, int m, float* scratch);
}  // namespace scalar

namespace simd {
ScoreEnergy zero_k_smallest_row(float* weights, const float* scale, std::int64_t cols, std::int64_t k, float* scratch);
ScoreEnergy zero_n_of_m_row(float* weights, const float* scale, std::int64_t cols, int n, int m, float* scratch);
}  // namespace simd

}  // namespace lacuna::kernels::select
