// The end of the batch kernel (batch_kernel.cuh): the sums of a cluster's blocks become outputs. Unlike finish.cuh's,
// the cluster may have any number of blocks.
#pragma once

#include "lacuna/kernels/sparse_gemv/finish.cuh"

namespace lacuna::kernels::cuda {

// Block r of the cluster finishes the outputs r·share … of the tile.
template <int kTile>
__device__ __forceinline__ int share_of_block() {
  return (kTile + static_cast<int>(gridDim.x) - 1) / static_cast<int>(gridDim.x);
}

// Adds what the cluster's blocks have sent, in the order of the senders, and stores it.
template <typename T, int kMatrices, int kTile>
__device__ __forceinline__ void store_batch_share(const SparseArgs& args, const TileOf& own, const float* received) {
  const int splits = static_cast<int>(gridDim.x);
  const int share = share_of_block<kTile>();
  const int first = static_cast<int>(blockIdx.x) * share;
  for (int b = static_cast<int>(threadIdx.x) / 32; b < args.batch; b += static_cast<int>(blockDim.x) / 32) {
    for (int o = static_cast<int>(threadIdx.x) % 32; o < min(share, kTile - first); o += 32) {
      float totals[kMatrices] = {};
#pragma unroll
      for (int s = 0; s < kMostSplits; ++s) {
#pragma unroll
        for (int m = 0; m < kMatrices; ++m) {
          if (s < splits) totals[m] += received[((s * kMatrices + m) * args.batch + b) * share + o];
        }
      }
      store_output<T, kMatrices>(args, own, b, own.tile * kTile + first + o, totals);
    }
  }
}

// Every block of the cluster has sums of kMatrices·batch·kTile outputs: partial(matrix, b, place). `received` is shared
// memory that nothing else uses, for kMatrices·batch·(kTile + kMostSplits) floats; the cluster has arrived at its
// barrier.
template <typename T, int kMatrices, int kTile, typename Partial>
__device__ __forceinline__ void finish_batch(const SparseArgs& args, const TileOf& own, float* received,
                                             Partial partial) {
  cg::cluster_group cluster = cg::this_cluster();
  const int share = share_of_block<kTile>();
  const int threads = static_cast<int>(blockDim.x);  // a divisor or a multiple of kTile
  const int row_step = max(threads / kTile, 1);
  cluster.barrier_wait();
  for (int place = static_cast<int>(threadIdx.x) % kTile; place < kTile; place += threads) {
    const int owner = place / share;
    float* target = cluster.map_shared_rank(received, owner) + (place - owner * share);
#pragma unroll
    for (int m = 0; m < kMatrices; ++m) {
      float* rows = target + (static_cast<int>(blockIdx.x) * kMatrices + m) * args.batch * share;
#pragma unroll 8
      for (int b = static_cast<int>(threadIdx.x) / kTile; b < args.batch; b += row_step) {
        rows[b * share] = partial(m, b, place);
      }
    }
  }
  cluster.sync();
  store_batch_share<T, kMatrices, kTile>(args, own, received);
}

}  // namespace lacuna::kernels::cuda
