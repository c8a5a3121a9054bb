// One run of elements of any type to f32 or f64, on the calling thread: the tile loader of streaming kernels.
//
//   out[i] = value of element i·stride     i in [0, n), stride in elements
//
// Exact    f64 holds every value of every type but 64-bit integers (rounded to nearest even); f32 holds every value
//          of f32, f16, bf16, FP8, 8- and 16-bit integers and booleans exactly. Rounding never makes a non-zero integer
//          zero, but narrowing f64 to f32 may: use f64 where an input is f64.
// Layout   the input needs no alignment. Booleans are 0 or 1, whatever non-zero byte is stored.
// Cost     O(n); contiguous f16 and bf16 run on SIMD, the rest is scalar.
// Threads  safe on distinct outputs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lacuna/core/dtype.hpp"

namespace lacuna::kernels {

void widen(DType dtype, const std::byte* in, std::int64_t stride, std::int64_t n, float* out);
void widen(DType dtype, const std::byte* in, std::int64_t stride, std::int64_t n, double* out);

// The specification.
namespace scalar {
void widen(DType dtype, const std::byte* in, std::int64_t stride, std::int64_t n, float* out);
void widen(DType dtype, const std::byte* in, std::int64_t stride, std::int64_t n, double* out);
}  // namespace scalar

}  // namespace lacuna::kernels
