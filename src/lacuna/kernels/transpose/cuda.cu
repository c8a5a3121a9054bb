#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/transpose/cuda.hpp"

namespace lacuna::kernels {
namespace cuda {
namespace {

constexpr int kTile = 32;
constexpr int kRowsAtOnce = 8;

__global__ void transpose_kernel(const unsigned short* in, long long rows, long long cols, long long in_stride,
                                 unsigned short* out, long long out_stride) {
  __shared__ unsigned short tile[kTile][kTile + 2];  // rows start in different banks
  const long long r0 = static_cast<long long>(blockIdx.x) * kTile;
  const long long c0 = static_cast<long long>(blockIdx.y) * kTile;
  for (int i = threadIdx.y; i < kTile; i += kRowsAtOnce) {
    if (r0 + i < rows && c0 + threadIdx.x < cols) tile[i][threadIdx.x] = in[(r0 + i) * in_stride + c0 + threadIdx.x];
  }
  __syncthreads();
  for (int i = threadIdx.y; i < kTile; i += kRowsAtOnce) {
    if (c0 + i < cols && r0 + threadIdx.x < rows) out[(c0 + i) * out_stride + r0 + threadIdx.x] = tile[threadIdx.x][i];
  }
}

}  // namespace
}  // namespace cuda

void transpose_16_cuda(const void* in, std::int64_t rows, std::int64_t cols, std::int64_t in_stride, void* out,
                       std::int64_t out_stride, DeviceStream stream) {
  const dim3 grid(static_cast<unsigned>((rows + cuda::kTile - 1) / cuda::kTile),
                  static_cast<unsigned>((cols + cuda::kTile - 1) / cuda::kTile));
  cuda::transpose_kernel<<<grid, dim3(cuda::kTile, cuda::kRowsAtOnce), 0, static_cast<cudaStream_t>(stream)>>>(
      static_cast<const unsigned short*>(in), rows, cols, in_stride, static_cast<unsigned short*>(out), out_stride);
  check_cuda(cudaGetLastError(), "launch transpose");
}

}  // namespace lacuna::kernels
