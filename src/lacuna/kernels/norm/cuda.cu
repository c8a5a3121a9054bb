#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/device/ends.cuh"
#include "lacuna/kernels/norm/cuda.hpp"

namespace lacuna::kernels {
namespace cuda {
namespace {

template <typename T>
__global__ void rms_norm_kernel(const float* x, int cols, const float* weight, float epsilon, T* y, int stride) {
  const float* own = x + static_cast<long long>(blockIdx.x) * cols;
  T* out = y + static_cast<long long>(blockIdx.x) * stride;
  double squares = 0.0;
  for (int c = static_cast<int>(threadIdx.x); c < cols; c += static_cast<int>(blockDim.x)) {
    squares += static_cast<double>(own[c] * own[c]);
  }
  const float scale = inverse_rms(squares, cols, epsilon);
  for (int c = static_cast<int>(threadIdx.x); c < stride; c += static_cast<int>(blockDim.x)) {
    out[c] = from_f32<T>(c < cols ? weight[c] * (own[c] * scale) : 0.0F);
  }
}

}  // namespace
}  // namespace cuda

void rms_norm_cuda(DType dtype, const float* x, std::int64_t tokens, std::int64_t cols, const float* weight,
                   float epsilon, void* y, std::int64_t stride, DeviceStream stream) {
  constexpr int kThreads = 256;
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    cuda::rms_norm_kernel<T><<<static_cast<unsigned>(tokens), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
        x, static_cast<int>(cols), weight, epsilon, static_cast<T*>(y), static_cast<int>(stride));
    check_cuda(cudaGetLastError(), "launch norm");
  };
  if (dtype == DType::f16) return run(__half());
  if (dtype == DType::bf16) return run(__nv_bfloat16());
  throw Error(ErrorCode::invalid_argument, "norm on CUDA: the type must be f16 or bf16");
}

}  // namespace lacuna::kernels
