// Turns a CUDA status into an Error, and launches with programmatic dependent launch.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/device/ends.hpp"

namespace lacuna::kernels {

inline void check_cuda(cudaError_t status, const char* action) {
  if (status == cudaSuccess) return;
  (void)cudaGetLastError();  // so that the next call does not report this failure again
  const auto code = status == cudaErrorMemoryAllocation ? ErrorCode::out_of_memory : ErrorCode::io_failed;
  throw Error(code, std::string(action) + ": " + cudaGetErrorString(status));
}

namespace cuda {

// Dynamic, of one block of compute capability 9.0, less the little that kernels declare (device/ends.cuh).
inline constexpr int kMaxSharedBytes = 227 * 1024 - 512;

// Of a block that shall be one of two, never of three, on a multiprocessor: see gemv/cuda.cu.
inline constexpr int kLeastOfTwo = 77 * 1024;
inline constexpr int kMostOfTwo = 113 * 1024;

// Kernels share a multiprocessor only where they agree on its split into L1 cache and shared memory: those of a chain
// all ask for the most shared memory.
template <typename Kernel>
cudaError_t prefer_shared_memory(Kernel* kernel) {
  return cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, cudaSharedmemCarveoutMaxShared);
}

// Unless Overlap::none, by programmatic dependent launch; the kernel then waits with wait_for_previous_grids().
template <typename Args>
void launch_overlapping(void (*kernel)(Args), const Args& args, dim3 grid, dim3 threads, std::size_t shared_bytes,
                        Overlap overlap, cudaStream_t stream) {
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attribute.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = threads;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = overlap == Overlap::none ? 0 : 1;
  check_cuda(cudaLaunchKernelEx(&config, kernel, args), "launch");
}

}  // namespace cuda
}  // namespace lacuna::kernels
