// How the warps of the kernel of single_kernel.cuh add columns up.
#pragma once

#include <type_traits>

#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/tensor_core.cuh"
#include "lacuna/kernels/sparse_gemv/column_list.cuh"

namespace lacuna::kernels::cuda {

// A warp reads 512 consecutive bytes at once, or kColumns columns' 16·kLanes bytes where a block has fewer outputs.
template <int kTile, int kQueued>
struct WarpShape {
  static constexpr int kLanes = kTile / 8 < 32 ? kTile / 8 : 32;  // side by side in a column
  static constexpr int kColumns = 32 / kLanes;                    // at once
  static constexpr int kOctets = kTile < 256 ? 1 : kTile / 256;   // of a lane in a column
  static constexpr int kSums = 8 * kOctets;
  static constexpr int kOnTheWay = kQueued;         // octets of a lane
  static constexpr int kWaited = 2;                 // octets waited for at a time
  static constexpr int kSteps = kWaited / kOctets;  // columns, or sets of kColumns, waited for at a time
  static constexpr int kFilled = kOnTheWay / kOctets;
  static constexpr int kRingBytes = kOnTheWay * 512;
};

// Of a matrix, what a lane adds: the rows from its first on, of the columns that are active for the matrix.
struct LaneColumns {
  const unsigned char* w;  // of the list's first column
  unsigned stride;         // bytes
  int n_rows;
  float threshold;
};

// The warps that share a matrix's columns: this one's turn among them.
struct Turns {
  int own;
  int all;
};

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

// Adds the list's n columns to the sums, the warps in turn. Every lane copies its octets to a ring of its own in shared
// memory, `ring`, aligned to 16 bytes like all rows that it reads. kTests: the list is of several matrices, so that a
// column may be active for others only.
template <typename T, typename Shape, bool kTests>
class ColumnAdder {
 public:
  using Sums = float[Shape::kSums];

  __device__ __forceinline__ ColumnAdder(const LaneColumns& columns, unsigned list, int n, unsigned ring)
      : columns_(columns), list_(list), n_(n), ring_(ring) {}

  // complete(): called once the first columns are on their way, it may append to the list, and returns its length.
  template <typename Complete>
  __device__ __forceinline__ void run(const Turns& turns, Complete complete, Sums& sums) {
    constexpr int kGroups = Shape::kOnTheWay / Shape::kWaited;
    const int sub = static_cast<int>(threadIdx.x) % 32 / Shape::kLanes;
    const int step = turns.all * Shape::kColumns;
    int at = turns.own * Shape::kColumns;
    const int listed = n_;
    fill(at + sub, step, 0);
    n_ = complete();
    if (listed < n_ && listed < Shape::kFilled * step) fill(at + sub, step, listed);
    int next = at + Shape::kFilled * step;
    for (int place = 0; at < n_; at += Shape::kSteps * step) {
      wait_for_copies<kGroups - 1>();
      uint4 octets[Shape::kWaited];
#pragma unroll
      for (int k = 0; k < Shape::kWaited; ++k) octets[k] = load_shared_16(ring_ + (place + k) * 512);
#pragma unroll
      for (int k = 0; k < Shape::kSteps; ++k, next += step) {
        if (next < n_) start(next + sub, place + k * Shape::kOctets);
      }
      end_copies();
#pragma unroll
      for (int k = 0; k < Shape::kSteps; ++k) add(at + k * step + sub, octets + k * Shape::kOctets, sums);
      place = place + Shape::kWaited == Shape::kOnTheWay ? 0 : place + Shape::kWaited;
    }
    wait_for_copies<0>();
    __syncwarp();  // other lanes' copies too: their rings become room for sums
  }

 private:
  // The ring's first copies, of entries from `least` on.
  __device__ __forceinline__ void fill(int next, int step, int least) const {
#pragma unroll
    for (int k = 0; k < Shape::kFilled; ++k, next += step) {
      if (next >= least) start(next, k * Shape::kOctets);
      if ((k + 1) % Shape::kSteps == 0) end_copies();
    }
  }

  __device__ __forceinline__ bool reads(std::uint32_t entry) const {
    return !kTests || !(fabsf(input_of<T>(entry)) <= columns_.threshold);
  }

  // The i-th column's octets to `place` and those behind it.
  __device__ __forceinline__ void start(int i, int place) const {
    if (i >= n_) return;
    const std::uint32_t entry = load_shared_4(list_ + i * 4);
    if (!reads(entry)) return;
    const unsigned char* own = columns_.w + static_cast<unsigned long long>(entry >> 16) * columns_.stride;
#pragma unroll
    for (int o = 0; o < Shape::kOctets; ++o) {
      if (o * 256 < columns_.n_rows) copy_16(ring_ + (place + o) * 512, own + o * 512, true, read_once());
    }
  }

  __device__ __forceinline__ void add(int i, const uint4* octets, Sums& sums) const {
    if (i >= n_) return;
    const std::uint32_t entry = load_shared_4(list_ + i * 4);
    if (!reads(entry)) return;
#pragma unroll
    for (int o = 0; o < Shape::kOctets; ++o) add_octet<T>(octets[o], input_of<T>(entry), sums + 8 * o);
  }

  LaneColumns columns_;
  unsigned list_;
  int n_;
  unsigned ring_;
};

// The warp's kTile sums to scratch. Where several lanes have sums of the same outputs, each keeps a half of its own and
// hands the other on, until each has the whole sum of few.
template <typename Shape>
__device__ __forceinline__ void store_warp_sums(float (&sums)[Shape::kSums], float* scratch) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  int output = lane % Shape::kLanes * 8;
  constexpr int kLeft = 8 / Shape::kColumns;
  constexpr int kWide = kLeft < 4 ? 2 : 4;
  using Wide = std::conditional_t<kWide == 4, float4, float2>;
#pragma unroll
  for (int d = 16, half = 4; d >= Shape::kLanes; d /= 2, half /= 2) {
    const bool upper = (lane & d) != 0;
#pragma unroll
    for (int v = 0; v < half; ++v) {
      const float given = upper ? sums[v] : sums[v + half];
      sums[v] = (upper ? sums[v + half] : sums[v]) + __shfl_xor_sync(~0U, given, d);
    }
    output += upper ? half : 0;
  }
#pragma unroll
  for (int o = 0; o < Shape::kOctets; ++o) {
#pragma unroll
    for (int v = 0; v < kLeft; v += kWide) {
      auto* to = reinterpret_cast<Wide*>(scratch + o * 256 + output + v);
      const float* own = sums + 8 * o + v;
      if constexpr (kWide == 4) {
        *to = make_float4(own[0], own[1], own[2], own[3]);
      } else {
        *to = make_float2(own[0], own[1]);
      }
    }
  }
}

}  // namespace lacuna::kernels::cuda
