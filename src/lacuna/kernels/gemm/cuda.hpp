// Products of many tokens with dense weights on a CUDA device: a prompt's, where weights are read once for all of them.
//
//   y[t,i] = Σ_j x[t,j]·W[i,j] + bias[i]        output: device/ends.hpp, one row of y for each token
//
// Layout    W f16 or bf16, row-major ((i,j) at w[i·stride + j]) or by columns ((i,j) at w[j·stride + i]); stride a
//           multiple of 8, row-major rows filled with zeros up to it. x: tokens × x_stride of the same type, x_stride a
//           multiple of 8, its rows filled with zeros from cols to a multiple of 8. y: tokens × y_stride. All aligned
//           to 16 bytes, but for y and bias.
// Accuracy  exact products, f32 sums on tensor cores in an order that the shape decides: the same bits every time.
//           |error| ≤ 2·(cols + 16)·2⁻²⁴·Σ|w·x| and half a unit of y's type.
// Cost      2·tokens·rows·cols operations, W read about tokens/128 times, mostly from L2. One launch, asynchronous on
//           the stream.
// Threads   safe on distinct outputs.
// Errors    Error{invalid_argument}: dtype, shape or alignment; Error{io_failed}: the driver refused.
// Source    docs/kernels-cuda.md
#pragma once

#include <cstdint>

#include "lacuna/core/dtype.hpp"
#include "lacuna/kernels/device/device.hpp"
#include "lacuna/kernels/device/ends.hpp"

namespace lacuna::kernels {

struct GemmWeights {
  DType dtype = DType::f16;
  const void* w = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;  // elements
  bool columns = false;
};

struct GemmInput {
  const void* x = nullptr;
  std::int64_t tokens = 0;
  std::int64_t stride = 0;  // elements
};

void gemm_cuda(const GemmWeights& weights, const GemmInput& input, const ProductOutput& output, std::int64_t y_stride,
               DeviceStream stream = nullptr);

}  // namespace lacuna::kernels
