// The end of the kernels of cuda.hpp: the sums of a cluster's blocks become outputs.
#pragma once

#include <cooperative_groups.h>

#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/device/ends.cuh"

namespace lacuna::kernels::cuda {

namespace cg = cooperative_groups;

constexpr int kMaxProducts = 3;
constexpr int kMostSplits = 8;  // blocks of a cluster

struct Product {
  const void* w;
  ProductOutput output;
  long long column_stride;
  int rows;
  int first_tile;
  float threshold;
};

struct SparseArgs {
  ProductInput input;
  int cols;
  int batch;
  int slice;     // columns of one split, a multiple of 32
  int capacity;  // of the list of active columns
  int room;      // where an input is kept in shared memory that is normalised (or, of one input, not aligned)
  int n_products;
  bool overlaps;
  Product products[kMaxProducts];
};

// Which product and which of its tiles a block works on.
struct TileOf {
  int product = 0;
  int tile = 0;

  template <int kMatrices>
  __device__ __forceinline__ static TileOf block(const SparseArgs& args) {
    TileOf own;
    if (kMatrices == 1) {
      while (own.product + 1 < args.n_products &&
             static_cast<int>(blockIdx.y) >= args.products[own.product + 1].first_tile) {
        ++own.product;
      }
    }
    own.tile = static_cast<int>(blockIdx.y) - args.products[own.product].first_tile;
    return own;
  }
};

// The sums of output `out` of input b: of the product, or of gate and up.
template <typename T, int kMatrices>
__device__ __forceinline__ void store_output(const SparseArgs& args, const TileOf& own, int b, int out,
                                             const float (&sums)[kMatrices]) {
  const Product& p = args.products[own.product];
  if (out >= p.rows) return;
  const long long place = static_cast<long long>(b) * p.rows + out;
  if constexpr (kMatrices == 2) {
    const float gate = biased<T>(p.output, out, sums[0]);
    const float up = biased<T>(args.products[1].output, out, sums[kMatrices - 1]);
    static_cast<T*>(p.output.y)[place] = from_f32<T>(silu(gate) * up);
  } else {
    store_sum<T>(p.output.y, p.output.kind, place, biased<T>(p.output, out, sums[0]));
  }
}

// Every block of the cluster has sums of kMatrices·batch·kTile outputs: partial(matrix, b, place). Those of share r of
// the tile go to block r, which adds them in the order of the senders. `received` is shared memory that nothing else
// uses, for kMatrices·batch·kTile floats; the cluster has arrived at its barrier.
template <typename T, int kMatrices, int kTile, typename Partial>
__device__ __forceinline__ void finish_tile(const SparseArgs& args, const TileOf& own, int batch, float* received,
                                            Partial partial) {
  cg::cluster_group cluster = cg::this_cluster();
  const int splits = static_cast<int>(gridDim.x);  // a power of two
  const int share = kTile / splits;
  const int shift = __ffs(share) - 1;
  const int rows = kMatrices * batch;
  const int rank = static_cast<int>(blockIdx.x);
  cluster.barrier_wait();
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < rows * kTile; i += static_cast<int>(blockDim.x)) {
    const int place = i % kTile;
    const int row = i / kTile;
    const int m = kMatrices == 2 && row >= batch ? 1 : 0;
    float* target = cluster.map_shared_rank(received, place >> shift);
    target[((rank * rows + row) << shift) + (place & (share - 1))] = partial(m, row - m * batch, place);
  }
  cluster.sync();
  for (int i = static_cast<int>(threadIdx.x); i < share * batch; i += static_cast<int>(blockDim.x)) {
    const int b = i >> shift;
    const int of_share = i & (share - 1);
    const int out = own.tile * kTile + rank * share + of_share;
    float totals[kMatrices] = {};
#pragma unroll
    for (int m = 0; m < kMatrices; ++m) {
#pragma unroll
      for (int s = 0; s < kMostSplits; ++s) {
        if (s < splits) totals[m] += received[((s * rows + m * batch + b) << shift) + of_share];
      }
    }
    store_output<T, kMatrices>(args, own, b, out, totals);
  }
}

}  // namespace lacuna::kernels::cuda
