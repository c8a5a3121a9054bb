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
  static constexpr int kOnTheWay = kQueued;            // octets of a lane
  static constexpr int kWaited = 2;                    // octets waited for at a time
  static constexpr int kSteps = kWaited / kOctets;     // columns, or sets of kColumns, waited for at a time
  static constexpr int kFilled = kOnTheWay / kOctets;  // sets on the way
  static constexpr int kOwn = kFilled * kColumns;      // columns of them
  static constexpr int kRingBytes = kOnTheWay * 512;
};

// Of a matrix, what a lane adds: the rows from its first on, of the columns that are active for the matrix.
struct LaneColumns {
  const unsigned char* w;  // of the piece's first column
  unsigned stride;         // bytes
  int n_rows;
  float threshold;
};

// The warps that share a matrix's columns: this one's turn among them.
struct Turns {
  int own;
  int all;
};

// A warp's own list of n columns, and then the block's, at shared addresses.
struct Lists {
  unsigned own;
  int n_own;
  unsigned of_block;
};

// Adds columns to the sums: the warp's own, then those of the block's list, the warps in turn; kColumns columns are a
// set. Every lane copies its octets to a ring of its own in shared memory, `ring`, aligned to 16 bytes like all rows
// that it reads. kTests: the list is of several matrices, so that a column may be active for others only.
template <typename T, typename Shape, bool kTests>
class ColumnAdder {
 public:
  using Sums = float[Shape::kSums];

  __device__ __forceinline__ ColumnAdder(const LaneColumns& columns, const Lists& lists, unsigned ring)
      : columns_(columns), lists_(lists), ring_(ring) {}

  // complete(): called once the warp's own columns are on their way, makes the block's list; returns its length.
  template <typename Complete>
  __device__ __forceinline__ void run(const Turns& turns, Complete complete, Sums& sums) {
    const int sub = static_cast<int>(threadIdx.x) % 32 / Shape::kLanes;
    const int step = turns.all * Shape::kColumns;
    const int own_sets = (lists_.n_own + Shape::kColumns - 1) / Shape::kColumns;
    fill(0, [&](int k) { return own(k * Shape::kColumns + sub); });
    const int n = complete();
    int next = turns.own * Shape::kColumns;  // of the block's list
    int at = next;
    if (own_sets < Shape::kFilled && next < n) {
      fill(own_sets, [&](int k) { return of_block(next + (k - own_sets) * step + sub, n); });
    }
    next += (Shape::kFilled - own_sets) * step;
    const auto start_next = [&](int place) {
      if (next < n) start(of_block(next + sub, n), place);
      next += step;
    };
    int place = 0;
    for (int i = 0; i < own_sets; i += Shape::kSteps) {
      add_group(place, start_next, sums, [&](int k) {
        if (i + k < own_sets) return own((i + k) * Shape::kColumns + sub);
        at += step;
        return of_block(at - step + sub, n);
      });
    }
    for (; at < n; at += Shape::kSteps * step) {
      add_group(place, start_next, sums, [&](int k) { return of_block(at + k * step + sub, n); });
    }
    wait_for_copies<0>();
    __syncwarp();  // other lanes' copies too: their rings become room for sums
  }

 private:
  struct Entry {
    bool active;
    std::uint32_t column;
  };

  // The ring's first copies, of the sets from `least` on.
  template <typename Of>
  __device__ __forceinline__ void fill(int least, Of entry) const {
#pragma unroll
    for (int k = 0; k < Shape::kFilled; ++k) {
      if (k >= least) start(entry(k), k * Shape::kOctets);
      if ((k + 1) % Shape::kSteps == 0) end_copies();
    }
  }

  // Adds kSteps sets from `place` of the ring on, where others take theirs.
  template <typename Next, typename Of>
  __device__ __forceinline__ void add_group(int& place, Next start_next, Sums& sums, Of entry) const {
    wait_for_copies<Shape::kOnTheWay / Shape::kWaited - 1>();
    uint4 octets[Shape::kWaited];
#pragma unroll
    for (int k = 0; k < Shape::kWaited; ++k) octets[k] = load_shared_16(ring_ + (place + k) * 512);
#pragma unroll
    for (int k = 0; k < Shape::kSteps; ++k) start_next(place + k * Shape::kOctets);
    end_copies();
#pragma unroll
    for (int k = 0; k < Shape::kSteps; ++k) add(entry(k), octets + k * Shape::kOctets, sums);
    place = place + Shape::kWaited == Shape::kOnTheWay ? 0 : place + Shape::kWaited;
  }

  __device__ __forceinline__ Entry own(int i) const { return entry_at(lists_.own + i * 4, i < lists_.n_own); }
  __device__ __forceinline__ Entry of_block(int i, int n) const { return entry_at(lists_.of_block + i * 4, i < n); }

  __device__ __forceinline__ Entry entry_at(unsigned address, bool there) const {
    Entry entry{there, 0};
    if (!there) return entry;
    entry.column = load_shared_4(address);
    if (kTests) entry.active = !(fabsf(input_of<T>(entry.column)) <= columns_.threshold);
    return entry;
  }

  // The column's octets to `place` and those behind it.
  __device__ __forceinline__ void start(const Entry& entry, int place) const {
    if (!entry.active) return;
    const unsigned char* own = columns_.w + static_cast<unsigned long long>(entry.column >> 16) * columns_.stride;
#pragma unroll
    for (int o = 0; o < Shape::kOctets; ++o) {
      if (o * 256 < columns_.n_rows) copy_16(ring_ + (place + o) * 512, own + o * 512, true, read_once());
    }
  }

  __device__ __forceinline__ void add(const Entry& entry, const uint4* octets, Sums& sums) const {
    if (!entry.active) return;
#pragma unroll
    for (int o = 0; o < Shape::kOctets; ++o) add_octet<T>(octets[o], input_of<T>(entry.column), sums + 8 * o);
  }

  LaneColumns columns_;
  Lists lists_;
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
