#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/device/half.cuh"
#include "lacuna/kernels/embedding/cuda.hpp"

namespace lacuna::kernels {
namespace cuda {
namespace {

template <typename T>
__global__ void embed_token_kernel(const T* table, long long row_stride, int cols, const std::int32_t* token,
                                   float* hidden) {
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (c < cols) hidden[c] = to_f32(table[*token * row_stride + c]);
}

}  // namespace
}  // namespace cuda

void embed_token_cuda(DType dtype, const void* table, std::int64_t row_stride, std::int64_t cols,
                      const std::int32_t* token, float* hidden, DeviceStream stream) {
  constexpr int kThreads = 128;
  const auto blocks = static_cast<unsigned>((cols + kThreads - 1) / kThreads);
  auto* queue = static_cast<cudaStream_t>(stream);
  if (dtype == DType::f16) {
    cuda::embed_token_kernel<<<blocks, kThreads, 0, queue>>>(static_cast<const __half*>(table), row_stride,
                                                             static_cast<int>(cols), token, hidden);
  } else if (dtype == DType::bf16) {
    cuda::embed_token_kernel<<<blocks, kThreads, 0, queue>>>(static_cast<const __nv_bfloat16*>(table), row_stride,
                                                             static_cast<int>(cols), token, hidden);
  } else {
    throw Error(ErrorCode::invalid_argument, "embedding on CUDA: the type must be f16 or bf16");
  }
  check_cuda(cudaGetLastError(), "launch embedding");
}

}  // namespace lacuna::kernels
