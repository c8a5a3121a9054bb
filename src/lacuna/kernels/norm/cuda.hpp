// RMSNorm of several tokens on a CUDA device, rounded to the weights' type.
//
//   y[t,c] = weight[c] · x[t,c] / sqrt(mean_c(x²) + ε)        x: tokens×cols f32; y: tokens×stride of dtype, 0 from
//   cols on
//
// Accuracy  the mean in f64, the rest in f32, as the products' own norm (device/ends.hpp).
// Threads   asynchronous on the stream.
// Errors    Error{invalid_argument}: no f16 or bf16; Error{io_failed}: the driver refused.
#pragma once

#include <cstdint>

#include "lacuna/core/dtype.hpp"
#include "lacuna/kernels/device/device.hpp"

namespace lacuna::kernels {

void rms_norm_cuda(DType dtype, const float* x, std::int64_t tokens, std::int64_t cols, const float* weight,
                   float epsilon, void* y, std::int64_t stride, DeviceStream stream = nullptr);

}  // namespace lacuna::kernels
