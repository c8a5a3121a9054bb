// The list of active columns of a block of the kernel of single_kernel.cuh, in ascending order: 4 bytes a column, its
// distance from the piece's first column in the upper half, its input in the lower.
#pragma once

#include "lacuna/kernels/sparse_gemv/select.cuh"

namespace lacuna::kernels::cuda {

constexpr int kMostListed = 1 << 16;  // columns that a list is made of
constexpr int kOctetsATime = 4;       // that a thread tests

template <typename T>
__device__ __forceinline__ float input_of(std::uint32_t entry) {
  return pair_to_f32<T>(entry).x;
}

// A thread's octets of columns, a whole block's octets apart.
template <typename T>
class Candidates {
 public:
  // Tests columns from … end−1, or as many as fit; returns how many of the thread's are active.
  __device__ __forceinline__ int read(const T* x, int from, int end, float threshold) {
    const bool aligned = reinterpret_cast<std::uintptr_t>(x) % 16 == 0;
#pragma unroll
    for (int k = 0; k < kOctetsATime; ++k) {
      const int c = column(from, k);
      if (c - static_cast<int>(threadIdx.x) * 8 >= end) break;
      load_inputs(x + c, end - c, aligned, raw_[k]);
    }
    int count = 0;
#pragma unroll
    for (int k = 0; k < kOctetsATime; ++k) {
      const int c = column(from, k);
      masks_[k] = c < end ? active_mask<T>(raw_[k], threshold) : 0;
      if (c < end && end - c < 8) masks_[k] &= (1U << (end - c)) - 1U;
      count += __popc(masks_[k]);
    }
    return count;
  }

  // Writes the active ones from `to` on. The piece begins `before` columns before `from`.
  __device__ __forceinline__ void list(int before, std::uint32_t* to) const {
#pragma unroll
    for (int k = 0; k < kOctetsATime; ++k) {
      const std::uint32_t words[4] = {raw_[k].x, raw_[k].y, raw_[k].z, raw_[k].w};
      const auto place = static_cast<std::uint32_t>(column(before, k));
#pragma unroll
      for (int v = 0; v < 8; ++v) {
        if ((masks_[k] >> v & 1U) == 0) continue;
        *to++ = (place + v) << 16 | (v % 2 == 0 ? words[v / 2] & 0xffffU : words[v / 2] >> 16);
      }
    }
  }

  __device__ __forceinline__ static int columns_a_time() { return static_cast<int>(blockDim.x) * 8 * kOctetsATime; }

 private:
  __device__ __forceinline__ static int column(int from, int k) {
    return from + (k * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * 8;
  }

  uint4 raw_[kOctetsATime];
  unsigned masks_[kOctetsATime];
};

// The sum of `count` over the threads before this one, and over all. `warp_counts`: 16 of them, free to be overwritten.
__device__ __forceinline__ int2 sums_before(int count, int* warp_counts) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  int through = count;
#pragma unroll
  for (int d = 1; d < 32; d *= 2) {
    const int before = __shfl_up_sync(~0U, through, d);
    if (lane >= d) through += before;
  }
  if (lane == 31) warp_counts[warp] = through;
  __syncthreads();
  int2 sums = make_int2(through - count, 0);
  for (int w = 0; w < static_cast<int>(blockDim.x) / 32; w += 4) {
    const int4 next = *reinterpret_cast<const int4*>(warp_counts + w);
    const int counts[4] = {next.x, next.y, next.z, next.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      sums.y += counts[i];
      if (w + i < warp) sums.x += counts[i];
    }
  }
  return sums;
}

// Lists the active columns of [begin, end), at most kMostListed of them; returns their number. The block's threads call
// it together, and all have left what they did with the last list when the first barrier in it opens.
template <typename T>
__device__ __forceinline__ int list_columns(const T* x, int begin, int end, float threshold, std::uint32_t* list,
                                            int* warp_counts) {
  int n = 0;
  for (int from = begin; from < end; from += Candidates<T>::columns_a_time()) {
    Candidates<T> own;
    const int count = own.read(x, from, end, threshold);
    if (from != begin) __syncthreads();  // the last counts have been read
    const int2 before = sums_before(count, warp_counts);
    own.list(from - begin, list + n + before.x);
    n += before.y;
  }
  __syncthreads();
  return n;
}

}  // namespace lacuna::kernels::cuda
