// An entry of a list of active columns: 4 bytes, a column in the upper half, its 16-bit input in the lower; and what is
// done with it.
#pragma once

#include "lacuna/kernels/device/half.cuh"

namespace lacuna::kernels::cuda {

template <typename T>
__device__ __forceinline__ float input_of(std::uint32_t entry) {
  return pair_to_f32<T>(entry).x;
}

// Eight weights of a column times its input.
template <typename T>
__device__ __forceinline__ void add_octet(const uint4& octet, float x, float* sums) {
  const std::uint32_t words[4] = {octet.x, octet.y, octet.z, octet.w};
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    const float2 pair = pair_to_f32<T>(words[k]);
    sums[2 * k] = fmaf(pair.x, x, sums[2 * k]);
    sums[2 * k + 1] = fmaf(pair.y, x, sums[2 * k + 1]);
  }
}

}  // namespace lacuna::kernels::cuda
