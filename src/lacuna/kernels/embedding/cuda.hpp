// Rows of an embedding table on a CUDA device, widened to f32; the tokens are read from device memory.
//
//   hidden[t,c] = table[tokens[t] · row_stride + c]        table f16 or bf16, hidden n×cols f32
//
// Exact    widening is exact. The caller has checked the tokens; n < 65536.
// Threads  asynchronous on the stream.
// Errors   Error{invalid_argument}: no f16 or bf16; Error{io_failed}: the driver refused.
#pragma once

#include <cstdint>

#include "lacuna/core/dtype.hpp"
#include "lacuna/kernels/device/device.hpp"

namespace lacuna::kernels {

void embed_tokens_cuda(DType dtype, const void* table, std::int64_t row_stride, std::int64_t cols,
                       const std::int32_t* tokens, std::int64_t n, float* hidden, DeviceStream stream = nullptr);

}  // namespace lacuna::kernels
