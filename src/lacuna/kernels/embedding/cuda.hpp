// One row of an embedding table on a CUDA device, widened to f32; the token is read from device memory.
//
//   hidden[c] = table[token · row_stride + c]        table f16 or bf16, hidden f32, c < cols
//
// Exact    widening is exact. The caller has checked the token.
// Threads  asynchronous on the stream.
// Errors   Error{invalid_argument}: no f16 or bf16; Error{io_failed}: the driver refused.
#pragma once

#include <cstdint>

#include "lacuna/core/dtype.hpp"
#include "lacuna/kernels/device/device.hpp"

namespace lacuna::kernels {

void embed_token_cuda(DType dtype, const void* table, std::int64_t row_stride, std::int64_t cols,
                      const std::int32_t* token, float* hidden, DeviceStream stream = nullptr);

}  // namespace lacuna::kernels
