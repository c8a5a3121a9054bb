// Tests of inputs, and the list of columns that a block of the kernel of kernel.cuh reads.
#pragma once

#include "lacuna/kernels/device/half.cuh"

namespace lacuna::kernels::cuda {

// The list of active columns of one pass, and room for the reduction in the same bytes.
template <int kBatch>
struct ActiveList {
  int* column;
  float* x;  // kBatch values for each column
};

// Eight inputs of a 16-bit type, or the n that there are and zeros.
template <typename T>
__device__ __forceinline__ void load_inputs(const T* x, int n, bool aligned, uint4& out) {
  if (aligned && n >= 8) {
    out = *reinterpret_cast<const uint4*>(x);
    return;
  }
  T* own = reinterpret_cast<T*>(&out);
#pragma unroll
  for (int k = 0; k < 8; ++k) own[k] = k < n ? x[k] : from_f32<T>(0.0F);
}

// Bit v: the v-th of eight inputs is active.
template <typename T>
__device__ __forceinline__ unsigned active_mask(const uint4& raw, float threshold) {
  const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
  unsigned mask = 0;
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    const float2 pair = pair_to_f32<T>(words[k]);
    mask |= static_cast<unsigned>(!(fabsf(pair.x) <= threshold)) << (2 * k);
    mask |= static_cast<unsigned>(!(fabsf(pair.y) <= threshold)) << (2 * k + 1);
  }
  return mask;
}

// Any type and batch, a part of the columns for each block of the cluster.

// Columns a thread tests in one pass; a pass of 256 threads covers 2048 or 4096 columns.
template <int kBatch>
__host__ __device__ constexpr int tests_per_thread() {
  return kBatch >= 4 ? 8 : 16;
}

// Fills the list with the active columns of [begin, end), at most tests·threads of them; returns their number.
template <typename T, int kBatch>
__device__ int select_active(const T* x, int cols, int begin, int end, float threshold, const ActiveList<kBatch>& list,
                             int* warp_counts) {
  constexpr int kTests = tests_per_thread<kBatch>();
  const int lane = threadIdx.x % 32;
  const int warp = threadIdx.x / 32;
  const int warps = blockDim.x / 32;
  unsigned ballots[kTests];
  T values[kTests][kBatch];
  int count = 0;
  const int rest = end - begin;
#pragma unroll
  for (int k = 0; k < kTests; ++k) {
    if (k * static_cast<int>(blockDim.x) >= rest) break;
    const int j = begin + k * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x);
#pragma unroll
    for (int b = 0; b < kBatch; ++b)
      values[k][b] = j < end ? x[static_cast<long long>(b) * cols + j] : from_f32<T>(0.F);
  }
#pragma unroll
  for (int k = 0; k < kTests; ++k) {
    if (k * static_cast<int>(blockDim.x) >= rest) break;
    const int j = begin + k * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x);
    bool active = false;
#pragma unroll
    for (int b = 0; b < kBatch; ++b) active |= !(fabsf(to_f32(values[k][b])) <= threshold);
    ballots[k] = __ballot_sync(~0U, active && j < end);
    count += __popc(ballots[k]);
  }
  if (lane == 0) warp_counts[warp] = count;
  __syncthreads();
  int at = 0;
  int total = 0;
  for (int w = 0; w < warps; ++w) {
    const int c = warp_counts[w];
    at += w < warp ? c : 0;
    total += c;
  }
#pragma unroll
  for (int k = 0; k < kTests; ++k) {
    if (k * static_cast<int>(blockDim.x) >= rest) break;
    const unsigned below = ballots[k] & ((1U << lane) - 1U);
    if ((ballots[k] >> lane & 1U) != 0) {
      const int place = at + __popc(below);
      list.column[place] = begin + k * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x);
#pragma unroll
      for (int b = 0; b < kBatch; ++b) {
        const float v = to_f32(values[k][b]);
        list.x[place * kBatch + b] = fabsf(v) <= threshold ? 0.0F : v;
      }
    }
    at += __popc(ballots[k]);
  }
  __syncthreads();
  return total;
}

}  // namespace lacuna::kernels::cuda
