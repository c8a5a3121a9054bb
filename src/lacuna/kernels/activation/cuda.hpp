// What an MLP's or a skipping product's input goes through for several tokens at once, on a CUDA device.
//
//   gate_cuda        y[t,c] = silu(gate[t,c]) · up[t,c]        gate, up: tokens×cols f32
//   zero_below_cuda  y[t,c] = x[t,c] where not |x[t,c]| ≤ threshold, else 0        x: tokens×stride of dtype
//
// y is tokens×stride of dtype; gate_cuda fills it with zeros from cols on.
//
// Accuracy  gate in f32, one rounding; zero_below is exact and keeps NaN.
// Threads   asynchronous on the stream.
// Errors    Error{invalid_argument}: no f16 or bf16; Error{io_failed}: the driver refused.
#pragma once

#include <cstdint>

#include "lacuna/core/dtype.hpp"
#include "lacuna/kernels/device/device.hpp"

namespace lacuna::kernels {

void gate_cuda(DType dtype, const float* gate, const float* up, std::int64_t tokens, std::int64_t cols, void* y,
               std::int64_t stride, DeviceStream stream = nullptr);
void zero_below_cuda(DType dtype, const void* x, std::int64_t n, float threshold, void* y,
                     DeviceStream stream = nullptr);

}  // namespace lacuna::kernels
