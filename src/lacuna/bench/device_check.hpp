// Products on a CUDA device against sums in f64, before they are timed.
//
// Internal to bench; built only with LACUNA_CUDA.
//
// Errors  internal: a wrong product. Bounds: those of the kernels' headers.
#pragma once

#include <string_view>

#include "lacuna/bench/device_products.hpp"
#include "lacuna/bench/product_check.hpp"

namespace lacuna {

// roundings: of a sum, in units of 2⁻²⁴. expected: with the chain's first input, rounded to the type; of a gate, all of
// gate's sums, then all of up's.
void check_chain(std::string_view name, const DeviceChain& chain, const DeviceMatrix& matrix,
                 const ReferenceProduct& expected, double roundings);

double column_roundings(std::int64_t active);  // kernels/sparse_gemv/cuda.hpp, one split and warp
double two_four_roundings(BenchShape shape);   // kernels/packed_gemv/cuda.hpp: inside tensor cores, which truncate

}  // namespace lacuna
