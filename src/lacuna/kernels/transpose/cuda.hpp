// Transposes a matrix of 16-bit elements on a CUDA device.
//
//   out[c · out_stride + r] = in[r · in_stride + c]        r < rows, c < cols
//
// Exact    elements are moved, not read as numbers. in and out do not overlap.
// Cost     both matrices once through memory.
// Threads  asynchronous on the stream.
// Errors   Error{io_failed}: the driver refused.
#pragma once

#include <cstdint>

#include "lacuna/kernels/device/device.hpp"

namespace lacuna::kernels {

void transpose_16_cuda(const void* in, std::int64_t rows, std::int64_t cols, std::int64_t in_stride, void* out,
                       std::int64_t out_stride, DeviceStream stream = nullptr);

}  // namespace lacuna::kernels
