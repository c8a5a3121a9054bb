// Selecting the columns that a block of the kernel of kernel.cuh reads.
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

// Of one input of a 16-bit type: all active columns of [begin, end), at most 8·kSharedOctets·threads columns, are
// counted by every block of the cluster, which lists its part of them, as large as the others'. Returns the size of the
// part.
constexpr int kSharedOctets = 8;  // of a thread

template <typename T>
__device__ int select_share(const T* x, int begin, int end, float threshold, const ActiveList<1>& list,
                            uint4* warp_counts) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int step = static_cast<int>(blockDim.x) * 8;
  const bool aligned = reinterpret_cast<std::uintptr_t>(x) % 16 == 0;
  uint4 raw[kSharedOctets] = {};
#pragma unroll
  for (int k = 0; k < kSharedOctets; ++k) {
    const int c = begin + k * step + static_cast<int>(threadIdx.x) * 8;
    if (begin + k * step >= end) break;
    load_inputs(x + c, end - c, aligned, raw[k]);
  }
  // Actives of a warp in an octet a lane: two such numbers a word.
  unsigned masks[kSharedOctets] = {};
  unsigned counts[kSharedOctets / 2] = {};
#pragma unroll
  for (int k = 0; k < kSharedOctets; ++k) {
    const int c = begin + k * step + static_cast<int>(threadIdx.x) * 8;
    if (begin + k * step >= end) break;
    masks[k] = active_mask<T>(raw[k], threshold) & (end - c >= 8 ? 255U : (1U << max(end - c, 0)) - 1U);
    counts[k / 2] += static_cast<unsigned>(__popc(masks[k])) << (16 * (k % 2));
  }
#pragma unroll
  for (int d = 1; d < 32; d *= 2) {
#pragma unroll
    for (unsigned& count : counts) {
      const unsigned before = __shfl_up_sync(~0U, count, d);
      if (lane >= d) count += before;
    }
  }
  if (lane == 31) warp_counts[warp] = make_uint4(counts[0], counts[1], counts[2], counts[3]);
  __syncthreads();
  unsigned totals[kSharedOctets / 2] = {};
  for (int w = 0; w < static_cast<int>(blockDim.x) / 32; ++w) {
    const uint4 of_warp = warp_counts[w];
    const unsigned words[4] = {of_warp.x, of_warp.y, of_warp.z, of_warp.w};
#pragma unroll
    for (int i = 0; i < kSharedOctets / 2; ++i) {
      totals[i] += words[i];
      if (w < warp) counts[i] += words[i];
    }
  }
  int all = 0;
#pragma unroll
  for (const unsigned total : totals) all += static_cast<int>((total & 0xffffU) + (total >> 16));
  const int splits = static_cast<int>(gridDim.x);
  const int first = all * static_cast<int>(blockIdx.x) / splits;
  const int last = all * (static_cast<int>(blockIdx.x) + 1) / splits;
  int base = 0;
#pragma unroll
  for (int k = 0; k < kSharedOctets; ++k) {
    if (begin + k * step >= end) break;
    const int size = static_cast<int>(totals[k / 2] >> (16 * (k % 2)) & 0xffffU);
    if (base < last && base + size > first) {
      const int through = static_cast<int>(counts[k / 2] >> (16 * (k % 2)) & 0xffffU);
      int place = base + through - __popc(masks[k]) - first;
      const std::uint32_t words[4] = {raw[k].x, raw[k].y, raw[k].z, raw[k].w};
#pragma unroll
      for (int v = 0; v < 8; ++v) {
        if ((masks[k] >> v & 1U) == 0) continue;
        if (place >= 0 && place < last - first) {
          const float2 pair = pair_to_f32<T>(words[v / 2]);
          list.column[place] = begin + k * step + static_cast<int>(threadIdx.x) * 8 + v;
          list.x[place] = v % 2 == 0 ? pair.x : pair.y;
        }
        ++place;
      }
    }
    base += size;
  }
  __syncthreads();
  return last - first;
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
