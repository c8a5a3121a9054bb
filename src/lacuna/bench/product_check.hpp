// Dense products of the benchmarks: the one they are compared with, and the f64 sums they are held against.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "lacuna/bench/weight_copies.hpp"

namespace lacuna {

void dense_gemv(DType dtype, BenchShape shape, const std::byte* weights, const float* x, float* y);

struct ReferenceProduct {
  std::vector<double> sums;        // Σ w·x of each row, in f64
  std::vector<double> magnitudes;  // Σ |w·x|
};
ReferenceProduct reference_product(DType dtype, BenchShape shape, const std::byte* weights, const float* x);

// Throws Error{internal} where |y − Σ w·x| > roundings·2⁻²⁴·Σ|w·x|; `name` says whose y it is.
void check_product(std::string_view name, std::span<const float> y, const ReferenceProduct& expected, double roundings);

// Of kernels/gemv and packed_gemv, at the fewest lanes.
double dense_roundings(BenchShape shape);

// Throws Error{invalid_argument} for what the benchmarks cannot measure.
void check_request(DType dtype, BenchShape shape, std::span<const double> sparsities);

}  // namespace lacuna
