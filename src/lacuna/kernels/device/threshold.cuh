// Inputs that count as 0, of a product that reads all of its weights: ProductInput::threshold.
#pragma once

#include "lacuna/kernels/device/half.cuh"

namespace lacuna::kernels::cuda {

// Zeros those of n 16-bit elements in shared memory whose magnitude is at most `threshold`, NaN never; up to 7 elements
// behind them may be read and written. All threads of the block call it, after a barrier; one ends it. A threshold
// below 0 zeros nothing and costs nothing.
template <typename T>
__device__ __forceinline__ void zero_below(T* x, int n, float threshold) {
  static_assert(sizeof(T) == 2);
  if (threshold < 0.0F) return;
  for (int c = static_cast<int>(threadIdx.x) * 8; c < n; c += static_cast<int>(blockDim.x) * 8) {
    uint4 octet = *reinterpret_cast<const uint4*>(x + c);
    T* own = reinterpret_cast<T*>(&octet);
#pragma unroll
    for (int k = 0; k < 8; ++k) {
      if (fabsf(to_f32(own[k])) <= threshold) own[k] = from_f32<T>(0.0F);
    }
    *reinterpret_cast<uint4*>(x + c) = octet;
  }
  __syncthreads();
}

}  // namespace lacuna::kernels::cuda
