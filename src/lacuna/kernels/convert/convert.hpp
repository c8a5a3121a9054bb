// Bulk conversion between element types and f32.
//
//   to_f32     any floating or integer tensor, any strides, to row-major f32 (f64 and 64-bit integers round to nearest)
//   from_f32   f32 to f64, f32, f16, bf16 or an FP8 type, round to nearest even
//
// Exact    the same bits as the scalar conversions of core/dtype.hpp, on every ISA, NaN payloads included.
// Threads  parallel inside; safe on distinct outputs.
// Errors   Error{unsupported_dtype}: from_f32 to an integer or boolean type.
// Source   kernels/convert/README.md.
#pragma once

#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

void to_f32(const TensorView& in, float* out);  // out: in.numel()
void from_f32(const float* in, std::int64_t n, DType dtype, std::byte* out);

namespace scalar {
void to_f32(DType dtype, const std::byte* in, std::int64_t n, float* out);  // n contiguous elements, any alignment
void from_f32(const float* in, std::int64_t n, DType dtype, std::byte* out);
}  // namespace scalar

}  // namespace lacuna::kernels
