#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/device/half.cuh"
#include "lacuna/kernels/embedding/cuda.hpp"

namespace lacuna::kernels {
namespace cuda {
namespace {

template <typename T>
__global__ void embed_tokens_kernel(const T* table, long long row_stride, int cols, const std::int32_t* tokens,
                                    float* hidden) {
  const int c = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (c < cols)
    hidden[static_cast<long long>(blockIdx.y) * cols + c] = to_f32(table[tokens[blockIdx.y] * row_stride + c]);
}

}  // namespace
}  // namespace cuda

void embed_tokens_cuda(DType dtype, const void* table, std::int64_t row_stride, std::int64_t cols,
                       const std::int32_t* tokens, std::int64_t n, float* hidden, DeviceStream stream) {
  constexpr int kThreads = 128;
  const dim3 grid(static_cast<unsigned>((cols + kThreads - 1) / kThreads), static_cast<unsigned>(n));
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    cuda::embed_tokens_kernel<T><<<grid, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
        static_cast<const T*>(table), row_stride, static_cast<int>(cols), tokens, hidden);
    check_cuda(cudaGetLastError(), "launch embedding");
  };
  if (dtype == DType::f16) return run(__half());
  if (dtype == DType::bf16) return run(__nv_bfloat16());
  throw Error(ErrorCode::invalid_argument, "embedding on CUDA: the type must be f16 or bf16");
}

}  // namespace lacuna::kernels
