// Launches the kernel of wgmma_kernel.cuh, where the device is of compute capability 9.0.
#pragma once

#include <cuda_runtime.h>

#include "lacuna/core/dtype.hpp"
#include "lacuna/kernels/gemm/arguments.cuh"

namespace lacuna::kernels::cuda {

// False, and nothing done, where that is not so.
bool launch_wgmma(const GemmArgs& args, DType dtype, bool columns, cudaStream_t stream);

}  // namespace lacuna::kernels::cuda
