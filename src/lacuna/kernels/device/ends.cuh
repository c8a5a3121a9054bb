// The device's side of ends.hpp.
#pragma once

#include "lacuna/kernels/device/ends.hpp"
#include "lacuna/kernels/device/half.cuh"

namespace lacuna::kernels::cuda {

// 1 / sqrt(mean(x²) + ε), the same in every thread of the block. The additions are in f64, so that their order, which
// differs between kernels, does not show in the result.
static __device__ float inverse_rms(const float* x, int cols, float epsilon) {
  __shared__ double warp_sums[32];
  double sum = 0.0;
#pragma unroll 8
  for (int c = static_cast<int>(threadIdx.x); c < cols; c += static_cast<int>(blockDim.x)) {
    const auto v = static_cast<double>(x[c]);
    sum += v * v;
  }
#pragma unroll
  for (int d = 16; d > 0; d /= 2) sum += __shfl_xor_sync(~0U, sum, d);
  if (threadIdx.x % 32 == 0) warp_sums[threadIdx.x / 32] = sum;
  __syncthreads();
  sum = 0.0;
  for (unsigned w = 0; w < blockDim.x / 32; ++w) sum += warp_sums[w];
  return 1.0F / sqrtf(static_cast<float>(sum / cols) + epsilon);
}

__device__ __forceinline__ float silu(float v) { return v / (1.0F + __expf(-v)); }

// Gives a product's input as the weights' type. All threads of a block construct it together, when the grids before
// have ended.
template <typename T>
class InputReader {
 public:
  __device__ __forceinline__ InputReader(const ProductInput& in, int cols) : in_(in), cols_(cols) {
    if (in.kind == InputKind::normalised) scale_ = inverse_rms(static_cast<const float*>(in.x), cols, in.epsilon);
  }

  __device__ __forceinline__ T element(long long c) const {
    if (in_.kind == InputKind::plain) return static_cast<const T*>(in_.x)[c];
    if (in_.kind == InputKind::normalised) {
      return from_f32<T>(in_.norm_weight[c] * (static_cast<const float*>(in_.x)[c] * scale_));
    }
    const T* gates = static_cast<const T*>(in_.x);
    return from_f32<T>(silu(to_f32(gates[c])) * to_f32(gates[cols_ + c]));
  }

  // Columns c … c+7, c a multiple of 8; 0 beyond the last. T has 16 bits.
  __device__ __forceinline__ void octet(int c, T (&out)[8]) const {
    if (in_.kind != InputKind::plain || c + 8 > cols_ || reinterpret_cast<std::uintptr_t>(in_.x) % 16 != 0) {
#pragma unroll
      for (int k = 0; k < 8; ++k) out[k] = c + k < cols_ ? element(c + k) : from_f32<T>(0.0F);
      return;
    }
    *reinterpret_cast<uint4*>(out) = *reinterpret_cast<const uint4*>(static_cast<const T*>(in_.x) + c);
  }

  // All columns to shared memory, zeros up to `padded`, a multiple of 8. The caller synchronises the block.
  __device__ __forceinline__ void stage(T* out, int padded) const {
    for (int c = static_cast<int>(threadIdx.x) * 8; c < padded; c += static_cast<int>(blockDim.x) * 8) {
      __align__(16) T own[8];
      octet(c, own);
      *reinterpret_cast<uint4*>(out + c) = *reinterpret_cast<const uint4*>(own);
    }
  }

 private:
  const ProductInput& in_;
  int cols_;
  float scale_ = 1.0F;
};

// One thread stores one sum at y[i]. Nothing else of the launch adds to that element, so the atomic addition only
// spares the wait for the old value.
template <typename T>
__device__ __forceinline__ void store_sum(void* y, OutputKind kind, long long i, float sum) {
  if (kind == OutputKind::store) {
    static_cast<T*>(y)[i] = from_f32<T>(sum);
  } else if (kind == OutputKind::add_f32) {
    atomicAdd(static_cast<float*>(y) + i, sum);
  } else {
    static_cast<float*>(y)[i] = sum;
  }
}
template <typename T>
__device__ __forceinline__ void store_row(const ProductOutput& out, int row, float sum) {
  if (out.bias != nullptr) sum += to_f32(static_cast<const T*>(out.bias)[row]);
  store_sum<T>(out.y, out.kind, row, sum);
}

}  // namespace lacuna::kernels::cuda
