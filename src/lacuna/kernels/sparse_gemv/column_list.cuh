// The lists of active columns of the kernel of single_kernel.cuh: 4 bytes a column, its distance from the piece's first
// column in the upper half, its input in the lower. A warp lists a few columns for itself, so that it can ask for their
// weights at once; what the others have left and all further columns become the block's list.
#pragma once

#include <type_traits>

#include "lacuna/kernels/sparse_gemv/column_entry.cuh"

namespace lacuna::kernels::cuda {

constexpr int kMostListed = 1 << 16;  // columns that a list is made of

// Which of two 16-bit inputs in a word are active, as bits 15 and 31. Magnitudes of a type are ordered as their bits
// are, NaN above all: so an input is active where its lower 15 bits exceed those of the threshold, rounded down.
template <typename T>
class ActiveTest {
 public:
  __device__ __forceinline__ explicit ActiveTest(float threshold) : add_(what_to_add(threshold)) {}

  // Those above another threshold as well.
  __device__ __forceinline__ void or_above(float threshold) { add_ = max(add_, what_to_add(threshold)); }

  __device__ __forceinline__ std::uint32_t operator()(std::uint32_t pair) const {
    return ((pair & 0x7fff7fffU) + add_) & 0x80008000U;
  }

 private:
  // What makes the 16th bit of an active input's magnitude 1.
  __device__ __forceinline__ static std::uint32_t what_to_add(float threshold) {
    int most = -1;  // of the bits of an inactive input
    if (threshold >= 0.0F) {
      if constexpr (std::is_same_v<T, __half>) {
        most = static_cast<int>(__half_as_ushort(__float2half_rz(fabsf(threshold))));
      } else {
        most = static_cast<int>(__float_as_uint(fabsf(threshold)) >> 16);
      }
    }
    return static_cast<std::uint32_t>(0x7fff - most) * 0x10001U;
  }

  std::uint32_t add_;
};

// A warp's first columns, one a lane.
template <typename T>
class OwnColumns {
 public:
  __device__ __forceinline__ OwnColumns(const T* x, int column, int end) : column_(column), there_(column < end) {
    if (there_) input_ = reinterpret_cast<const std::uint16_t*>(x)[column];
  }

  // Lists the warp's active ones, at most `most`; returns how many. All lanes may read them then.
  __device__ __forceinline__ int take(const ActiveTest<T>& test, int origin, int most, std::uint32_t* to) {
    left_ = __ballot_sync(~0U, there_ && (test(input_) & 0x8000U) != 0);
    const int place = __popc(left_ & below());
    const bool takes = active() && place < most;
    if (takes) to[place] = entry(origin);
    const int taken = min(__popc(left_), most);
    left_ &= ~__ballot_sync(~0U, takes);
    __syncwarp();
    return taken;
  }

  // Those that it has not taken.
  __device__ __forceinline__ int count() const { return __popc(left_); }
  __device__ __forceinline__ void list(int origin, std::uint32_t* to) const {
    if (active()) to[__popc(left_ & below())] = entry(origin);
  }
  __device__ __forceinline__ void leave_to_others() { left_ = 0; }

 private:
  __device__ __forceinline__ static unsigned below() { return (1U << threadIdx.x % 32) - 1U; }
  __device__ __forceinline__ bool active() const { return (left_ >> threadIdx.x % 32 & 1U) != 0; }
  __device__ __forceinline__ std::uint32_t entry(int origin) const {
    return static_cast<std::uint32_t>(column_ - origin) << 16 | input_;
  }

  int column_;
  bool there_;
  std::uint32_t input_ = 0;
  unsigned left_ = 0;
};

// Pairs of columns of a range that the warps share in equal parts, kSteps of a thread, 64 columns apart.
template <typename T, int kSteps>
class Candidates {
 public:
  __device__ __forceinline__ static int most() { return static_cast<int>(blockDim.x) * 2 * kSteps; }

  // Asks for the inputs of [from, end), at most most() columns; `from` is even, x is aligned to 4 bytes, and its last
  // pair may be read even where only half of it is meant.
  __device__ __forceinline__ Candidates(const T* x, int from, int end) : end_(end), steps_(0), first_(from) {
    if (from >= end) return;
    const int warps = static_cast<int>(blockDim.x) / 32;
    steps_ = (end - from + 64 * warps - 1) / (64 * warps);
    first_ += (static_cast<int>(threadIdx.x) / 32 * steps_ * 32 + static_cast<int>(threadIdx.x) % 32) * 2;
    // Without branches between them: all are on their way before the first is used.
#pragma unroll
    for (int k = 0; k < kSteps; ++k) {
      pairs_[k] = 0;
      const int there = k < steps_ && first_ + k * 64 < end ? 1 : 0;
      asm volatile("{ .reg .pred p; setp.ne.s32 p, %2, 0; @p ld.b32 %0, [%1]; }"
                   : "+r"(pairs_[k])
                   : "l"(x + first_ + k * 64), "r"(there)
                   : "memory");
    }
  }

  // How many of the warp's are active.
  __device__ __forceinline__ int count(const ActiveTest<T>& test) const {
    int n = 0;
#pragma unroll
    for (int k = 0; k < kSteps; ++k) {
      if (k >= steps_) break;
      const uint2 active = ballots(k, test);
      n += __popc(active.x) + __popc(active.y);
    }
    return n;
  }

  // Writes the warp's active ones from `to` on.
  __device__ __forceinline__ void list(const ActiveTest<T>& test, int origin, std::uint32_t* to) const {
    const unsigned lane = threadIdx.x % 32;
    const unsigned below = (1U << lane) - 1U;
#pragma unroll
    for (int k = 0; k < kSteps; ++k) {
      if (k >= steps_) break;
      const uint2 active = ballots(k, test);
      const auto place = static_cast<std::uint32_t>(first_ + k * 64 - origin);
      int at = __popc(active.x & below) + __popc(active.y & below);
      if ((active.x >> lane & 1U) != 0) to[at++] = place << 16 | (pairs_[k] & 0xffffU);
      if ((active.y >> lane & 1U) != 0) to[at] = (place + 1) << 16 | pairs_[k] >> 16;
      to += __popc(active.x) + __popc(active.y);
    }
  }

 private:
  // Which of the warp's k-th 64 columns are active: those of even places, those of odd ones.
  __device__ __forceinline__ uint2 ballots(int k, const ActiveTest<T>& test) const {
    const int c = first_ + k * 64;
    const std::uint32_t flags = test(pairs_[k]);
    return make_uint2(__ballot_sync(~0U, (flags & 0x8000U) != 0 && c < end_),
                      __ballot_sync(~0U, (flags >> 31) != 0 && c + 1 < end_));
  }

  int end_;
  int steps_;
  int first_;
  std::uint32_t pairs_[kSteps];
};

// Appends what the block's warps list, `own` columns each by write(to), to a list of n; returns how many it has then.
// All threads call it, none while another still reads what the last call has written to `warp_counts`, 16 of them.
template <typename Write>
__device__ __forceinline__ int append(int own, Write write, std::uint32_t* list, int n, int* warp_counts) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  if (lane == 0) warp_counts[warp] = own;
  __syncthreads();
  const int count = lane < static_cast<int>(blockDim.x) / 32 ? warp_counts[lane] : 0;
  write(list + n + __reduce_add_sync(~0U, lane < warp ? count : 0));
  n += __reduce_add_sync(~0U, count);
  __syncthreads();
  return n;
}

}  // namespace lacuna::kernels::cuda
