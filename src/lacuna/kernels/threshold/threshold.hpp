// Thresholds over a whole matrix of magnitudes.
//
//   kth_smallest_abs   the value at index k of the ascending |v|
//   zero_up_to_abs     v = 0 wherever |v| ≤ threshold; returns how many
//   count_zeros        how many are zero, of either sign
//   all_finite         no NaN, no infinity
//
// Layout   f32, any row stride. NaN orders above infinity.
// Exact    the same value and the same entries on every ISA and with any number of threads.
// Cost     kth_smallest_abs: two reads of the matrix (a sample brackets the value; what lies inside the bracket is
//          collected and bisected), plus n/16 values of memory. Where many values are equal: about 30 reads instead.
// Threads  parallel inside.
// Errors   Error{invalid_argument}: k outside [0, number of elements).
#pragma once

#include <cstdint>

#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

float kth_smallest_abs(MatrixView<const float> values, std::int64_t k);
std::int64_t zero_up_to_abs(MatrixView<float> values, float threshold);
std::int64_t count_zeros(MatrixView<const float> values);
bool all_finite(MatrixView<const float> values);

}  // namespace lacuna::kernels
