// The parts of the kernel for lane streams (cuda.cu): its arguments, the windows of x, one warp's walk through a
// stream.
#pragma once

#include <cfloat>

#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/ends.cuh"
#include "lacuna/kernels/packed_gemv/lane_streams.hpp"

namespace lacuna::kernels::cuda {

constexpr int kMaxWarps = 16;
constexpr int kSlotBytes = 128;
constexpr int kStages = 4;

constexpr int block_bytes(int gap_bits) { return 512 + 32 * gap_bits; }
// A stage holds 2 blocks, or 1 where that lets two kernels share a multiprocessor: one ends while the next begins.
constexpr int ring_bytes(int gap_bits, int stage_blocks) { return kStages * stage_blocks * block_bytes(gap_bits); }
constexpr int kBarrierBytes = kMaxWarps * kStages * 8;

struct LaneArgs {
  const unsigned char* blocks;
  const std::uint32_t* row_starts;
  const std::uint16_t* row_steps;
  const std::uint32_t* stream_rows;
  const std::uint32_t* stream_blocks;
  const std::uint32_t* stream_groups;
  ProductInput input;
  ProductOutput output;
  int cols;
  int slots;
  int n_streams;
  int apart;  // whether x in order has memory of its own, and the rings may fill before it is read
  std::int32_t lane_base[LaneStreams::kLanes];
};

template <int kGapBits>
struct Block {
  uint4 values;
  std::uint32_t gaps[kGapBits / 4];

  __device__ __forceinline__ void load(unsigned block, int lane) {
    values = load_shared_16(block + lane * 16);
#pragma unroll
    for (int k = 0; k < kGapBits / 4; ++k) gaps[k] = load_shared_4(block + 512 + lane * kGapBits + 4 * k);
  }
  // Gap of entry k, times the bytes of a slot.
  template <int k>
  __device__ __forceinline__ unsigned advance() const {
    constexpr int kBit = k * kGapBits % 32;  // of the lowest bit in its word
    constexpr unsigned kMask = ((1U << kGapBits) - 1U) * kSlotBytes;
    const std::uint32_t word = gaps[k * kGapBits / 32];
    return (kBit <= 7 ? word << (7 - (kBit <= 7 ? kBit : 7)) : word >> (kBit > 7 ? kBit - 7 : 0)) & kMask;
  }
};

// Copies x[lane_base[l] + s] to slot s of every lane; true when an input is infinite or NaN. `linear` holds x once, in
// order. In each turn the lanes take octets that lie in different banks of `linear`.
template <typename T>
__device__ bool fill_windows(const LaneArgs& args, const InputReader<T>& input, float* windows, T* linear) {
  const int padded = (args.cols + 7) / 8 * 8;
  input.stage(linear, padded);
  __syncthreads();
  const int lane = threadIdx.x % 32;
  const int base = args.lane_base[lane];
  const int octets = args.slots / 8;
  const int turn = (lane - base / 8) & 7;
  bool special = false;
  for (int i = static_cast<int>(threadIdx.x) / 32; i < octets + 7; i += static_cast<int>(blockDim.x) / 32) {
    const int octet = i - 7 + turn;
    if (octet < 0 || octet >= octets) continue;
    const int c = base + octet * 8;
    uint4 raw = make_uint4(0, 0, 0, 0);
    if (c >= 0 && c < padded) raw = *reinterpret_cast<const uint4*>(linear + c);
    const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
    float* out = windows + octet * 8 * 32 + lane;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const float2 pair = pair_to_f32<T>(words[k]);
      special |= !(fabsf(pair.x) <= FLT_MAX) || !(fabsf(pair.y) <= FLT_MAX);
      out[64 * k] = pair.x;
      out[64 * k + 32] = pair.y;
    }
  }
  // The copy engine may write where `linear` was.
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  return __syncthreads_or(static_cast<int>(special)) != 0;
}

// One warp's walk through a stream.
template <typename T, int kGapBits, int kStageBlocks, bool kSpecial>
struct Walk {
  static constexpr int kStep = kGapBits == 4 ? 4 : 2;
  static constexpr int kBlockBytes = block_bytes(kGapBits);
  using Ring = WarpRing<kStageBlocks * kBlockBytes, kStages>;

  const LaneArgs& args;
  Ring& ring;
  unsigned window;  // shared address of the lane's slot 0
  int lane;
  int row;
  int row_of_group;
  int group;
  int group_end;
  std::uint32_t starts;  // of this group's rows
  std::uint32_t next_starts;
  uint2 steps;
  uint2 next_steps;
  int steps_left;
  unsigned at;  // shared address of the slot
  float sum;
  RowStore<T> store;

  __device__ __forceinline__ Walk(const LaneArgs& a, Ring& r, const float* windows)
      : args(a), ring(r), window(shared_address(windows) + threadIdx.x % 32 * 4), lane(threadIdx.x % 32) {}

  // Behind the last group nothing ends any more: steps of 0 never count down to 0.
  __device__ __forceinline__ void fetch_group(int g) {
    next_steps = make_uint2(0, 0);
    next_starts = 0;
    if (g < group_end) {
      next_steps = *reinterpret_cast<const uint2*>(args.row_steps + 4 * g);
      next_starts = args.row_starts[32 * g + lane];
    }
  }

  __device__ __forceinline__ void next_group() {
    starts = next_starts;
    steps = next_steps;
    row_of_group = 0;
    fetch_group(++group);
  }

  __device__ __forceinline__ void start_row() {
    steps_left = static_cast<int>(steps.x & 0xffffU);
    at = window + (starts & 255U) * kSlotBytes;
    sum = 0.0F;
    starts >>= 8;
    steps.x = __funnelshift_r(steps.x, steps.y, 16);
    steps.y >>= 16;
    if (++row_of_group == 4) next_group();
  }

  template <typename Other>
  __device__ __forceinline__ void adopt(const Other& other) {
    row = other.row;
    row_of_group = other.row_of_group;
    group = other.group;
    group_end = other.group_end;
    starts = other.starts;
    next_starts = other.next_starts;
    steps = other.steps;
    next_steps = other.next_steps;
  }

  // Touches weights and row tables only: may run before the previous grid has ended. Returns the number of blocks.
  __device__ __forceinline__ int open(int stream) {
    const std::uint32_t first = args.stream_blocks[stream];
    const int blocks = static_cast<int>(args.stream_blocks[stream + 1] - first);
    ring.open(args.blocks + static_cast<std::size_t>(first) * kBlockBytes,
              static_cast<long long>(blocks) * kBlockBytes);
    row = static_cast<int>(args.stream_rows[stream]);
    group = static_cast<int>(args.stream_groups[stream]);
    group_end = static_cast<int>(args.stream_groups[stream + 1]);
    fetch_group(group);
    next_group();
    return blocks;
  }

  __device__ __forceinline__ void end_row() {
#pragma unroll
    for (int d = 16; d > 0; d /= 2) sum += __shfl_xor_sync(~0U, sum, d);
    if (lane == 0) store.put(args.output, row, sum);
    ++row;
    start_row();
  }

  template <int k>
  __device__ __forceinline__ void entry(const Block<kGapBits>& block, float w) {
    at += block.template advance<k>();
    float x = __uint_as_float(load_shared_4(at));
    if (kSpecial && w == 0.0F) x = 0.0F;  // filling is no position of the matrix
    sum = fmaf(w, x, sum);
    if ((k + 1) % kStep == 0) {
      if (--steps_left == 0) end_row();
    }
  }

  __device__ __forceinline__ void multiply(const Block<kGapBits>& block) {
    const float2 a = pair_to_f32<T>(block.values.x);
    const float2 b = pair_to_f32<T>(block.values.y);
    entry<0>(block, a.x);
    entry<1>(block, a.y);
    entry<2>(block, b.x);
    entry<3>(block, b.y);
    const float2 c = pair_to_f32<T>(block.values.z);
    const float2 d = pair_to_f32<T>(block.values.w);
    entry<4>(block, c.x);
    entry<5>(block, c.y);
    entry<6>(block, d.x);
    entry<7>(block, d.y);
  }

  __device__ __forceinline__ void run(int blocks) {
    start_row();
    for (; blocks > 0; blocks -= kStageBlocks) {
      const unsigned stage = ring.wait();
      Block<kGapBits> own[kStageBlocks];
#pragma unroll
      for (int k = 0; k < kStageBlocks; ++k) own[k].load(stage + k * kBlockBytes, lane);
      ring.advance();
      multiply(own[0]);
      if (kStageBlocks == 2 && blocks > 1) multiply(own[kStageBlocks - 1]);
    }
  }
};

}  // namespace lacuna::kernels::cuda
