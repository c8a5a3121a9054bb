// The kernel of cuda.hpp for compute capability 9.0. A block owns 128 tokens × kRows rows of W and goes through their
// columns, 64 at a time, in a ring of stages in shared memory: one warp has the tensor copy engine fill them, two
// groups of four warps multiply, 64 tokens each (device/warpgroup.cuh). There is one block a multiprocessor, which
// takes tile after tile: the ring fills with the next tile's columns while the sums of the last are stored. What lies
// outside the matrices arrives as zeros.
//
// Budget of a stage, 128 rows: 32 KiB from L2, 512 cycles of tensor cores. A box takes about 1 µs to come, 1,700
// cycles, so four stages must be on their way.
#pragma once

#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/warpgroup.cuh"
#include "lacuna/kernels/gemm/arguments.cuh"

namespace lacuna::kernels::cuda {

constexpr int kGroupTokens = 64;
constexpr int kBlockTokens = 2 * kGroupTokens;
constexpr int kStageDepth = 64;  // columns: 128 bytes
constexpr int kLineBytes = 128;
constexpr int kGroupStages = 6;
constexpr int kMultiplyingWarps = 8;
constexpr int kGroupThreads = 32 * (kMultiplyingWarps + 1);
constexpr int kInputBytes = kBlockTokens * kLineBytes;

template <int kRows>
__host__ __device__ constexpr int group_stage_bytes() {
  return kInputBytes + kRows * kLineBytes;
}

// A place in the ring, and how often it has been reached.
struct RingPlace {
  int stage = 0;
  unsigned phase = 0;

  __device__ __forceinline__ void advance() {
    if (++stage == kGroupStages) {
      stage = 0;
      phase ^= 1U;
    }
  }
};

// Barrier s of `full`: stage s has arrived; of `empty`: both groups have left it.
struct StageBarriers {
  unsigned full;
  unsigned empty;
};

// Tiles of one block: tokens first, so that blocks at work at the same time share rows of W.
struct GemmTiles {
  int of_tokens;
  int all;

  template <int kRows>
  __device__ __forceinline__ static GemmTiles of(const GemmArgs& args) {
    const int of_tokens = (args.tokens + kBlockTokens - 1) / kBlockTokens;
    return {of_tokens, of_tokens * ((args.rows + kRows - 1) / kRows)};
  }
};

template <int kRows, bool kColumns>
__device__ __forceinline__ void fill_stages(const CUtensorMap& inputs, const CUtensorMap& weights, const GemmArgs& args,
                                            unsigned stages, const StageBarriers& barriers) {
  const auto tiles = GemmTiles::of<kRows>(args);
  RingPlace place{0, 1};  // a fresh barrier counts as just passed
  for (int tile = static_cast<int>(blockIdx.x); tile < tiles.all; tile += static_cast<int>(gridDim.x)) {
    const int token = tile % tiles.of_tokens * kBlockTokens;
    const int row = tile / tiles.of_tokens * kRows;
    for (int column = 0; column < args.cols; column += kStageDepth, place.advance()) {
      wait_for_barrier(barriers.empty + 8 * place.stage, place.phase);
      const unsigned full = barriers.full + 8 * place.stage;
      const unsigned to = stages + place.stage * group_stage_bytes<kRows>();
      arrive_expecting(full, group_stage_bytes<kRows>());
      copy_box(to, inputs, column, token, full);
      if constexpr (!kColumns) {
        copy_box(to + kInputBytes, weights, column, row, full);
      } else {
        for (int r = 0; r < kRows; r += 64) copy_box(to + kInputBytes + r * kLineBytes, weights, row + r, column, full);
      }
    }
  }
}

// A tile's sums, 64 tokens of it for each group.
template <typename T, int kRows, bool kColumns>
__device__ __forceinline__ void multiply_stages(const GemmArgs& args, unsigned stages, const StageBarriers& barriers,
                                                RingPlace& place, float (&sums)[kRows / 2]) {
  constexpr unsigned kSixteen = kColumns ? 16 * kLineBytes : 32;  // bytes to the next 16 columns of W
  const int group = static_cast<int>(threadIdx.x) / 128;
  const bool tells = threadIdx.x % 128 == 0;
  int before = -1;
  for (int column = 0; column < args.cols; column += kStageDepth, place.advance()) {
    const unsigned inputs = stages + place.stage * group_stage_bytes<kRows>() + group * kGroupTokens * kLineBytes;
    const unsigned weights = stages + place.stage * group_stage_bytes<kRows>() + kInputBytes;
    wait_for_barrier(barriers.full + 8 * place.stage, place.phase);
    begin_products();
#pragma unroll
    for (int k = 0; k < kStageDepth / 16; ++k) {
      multiply_add_group<T, kColumns, kRows / 2>(sums, operand<false>(inputs + k * 32, 0),
                                                 operand<kColumns>(weights + k * kSixteen, 64 * kLineBytes));
    }
    end_products();
    wait_for_products<1>();
    if (before >= 0 && tells) arrive_at(barriers.empty + 8 * before);
    before = place.stage;
  }
  wait_for_products<0>();
  if (tells) arrive_at(barriers.empty + 8 * before);
}

template <typename T, int kRows, bool kColumns>
__device__ __forceinline__ void multiply_tiles(const GemmArgs& args, unsigned stages, const StageBarriers& barriers) {
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const auto tiles = GemmTiles::of<kRows>(args);
  RingPlace place;
  for (int tile = static_cast<int>(blockIdx.x); tile < tiles.all; tile += static_cast<int>(gridDim.x)) {
    float sums[kRows / 2] = {};
    multiply_stages<T, kRows, kColumns>(args, stages, barriers, place, sums);
    const int token = tile % tiles.of_tokens * kBlockTokens + warp * 16 + lane / 4;
    const int row = tile / tiles.of_tokens * kRows + lane % 4 * 2;
#pragma unroll
    for (int n = 0; n < kRows / 8; ++n) {
      store_two<T>(args, token, row + n * 8, sums[4 * n], sums[4 * n + 1]);
      store_two<T>(args, token + 8, row + n * 8, sums[4 * n + 2], sums[4 * n + 3]);
    }
  }
}

template <typename T, int kRows, bool kColumns>
__global__ void __launch_bounds__(kGroupThreads, 1)
    gemm_wgmma_kernel(const __grid_constant__ CUtensorMap inputs, const __grid_constant__ CUtensorMap weights,
                      const __grid_constant__ GemmArgs args) {
  extern __shared__ __align__(1024) unsigned char stage_memory[];
  __shared__ unsigned long long barrier_memory[2 * kGroupStages];
  const unsigned stages = (shared_address(stage_memory) + 1023U) & ~1023U;
  const StageBarriers barriers{shared_address(barrier_memory), shared_address(barrier_memory + kGroupStages)};
  if (threadIdx.x == 0) {
    for (int s = 0; s < kGroupStages; ++s) {
      make_barrier(barriers.full + 8 * s, 1);
      make_barrier(barriers.empty + 8 * s, 2);
    }
    publish_barriers();
  }
  __syncthreads();
  if (threadIdx.x / 32 < kMultiplyingWarps) {
    multiply_tiles<T, kRows, kColumns>(args, stages, barriers);
  } else if (threadIdx.x % 32 == 0) {
    fill_stages<kRows, kColumns>(inputs, weights, args, stages, barriers);
  }
}

}  // namespace lacuna::kernels::cuda
