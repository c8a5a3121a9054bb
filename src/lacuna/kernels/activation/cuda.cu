#include "lacuna/kernels/activation/cuda.hpp"
#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/device/ends.cuh"

namespace lacuna::kernels {
namespace cuda {
namespace {

constexpr int kThreads = 256;

template <typename T>
__global__ void gate_kernel(const float* gate, const float* up, long long cols, T* y, long long stride, long long n) {
  const long long i = static_cast<long long>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= n) return;
  const long long at = i / stride * cols + i % stride;
  y[i] = from_f32<T>(i % stride < cols ? silu(gate[at]) * up[at] : 0.0F);
}

template <typename T>
__global__ void zero_below_kernel(const T* x, long long n, float threshold, T* y) {
  const long long i = static_cast<long long>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < n) y[i] = fabsf(to_f32(x[i])) <= threshold ? from_f32<T>(0.0F) : x[i];
}

unsigned blocks(std::int64_t n) { return static_cast<unsigned>((n + kThreads - 1) / kThreads); }

template <typename Run>
void of_type(DType dtype, Run run) {
  if (dtype != DType::f16 && dtype != DType::bf16) {
    throw Error(ErrorCode::invalid_argument, "activation on CUDA: the type must be f16 or bf16");
  }
  dtype == DType::f16 ? run(__half()) : run(__nv_bfloat16());
  check_cuda(cudaGetLastError(), "launch activation");
}

}  // namespace
}  // namespace cuda

void gate_cuda(DType dtype, const float* gate, const float* up, std::int64_t tokens, std::int64_t cols, void* y,
               std::int64_t stride, DeviceStream stream) {
  const std::int64_t n = tokens * stride;
  cuda::of_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    cuda::gate_kernel<T><<<cuda::blocks(n), cuda::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
        gate, up, cols, static_cast<T*>(y), stride, n);
  });
}

void zero_below_cuda(DType dtype, const void* x, std::int64_t n, float threshold, void* y, DeviceStream stream) {
  cuda::of_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    cuda::zero_below_kernel<T><<<cuda::blocks(n), cuda::kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
        static_cast<const T*>(x), n, threshold, static_cast<T*>(y));
  });
}

}  // namespace lacuna::kernels
