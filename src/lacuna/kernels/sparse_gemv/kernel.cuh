// The kernel of cuda.hpp. A block owns 256, 512 or 1024 outputs (8, 16 or 32 a lane, so a warp reads 512 to 2048
// consecutive bytes of a column) and one part of the columns; the blocks of one output tile form a cluster.
//
//   1. select      every thread tests its columns; ballots give each active column a place in a list in shared memory
//   2. accumulate  the warps take the list's columns in turn, each through a queue of asynchronous copies
//   3. reduce      over the warps in shared memory; then every block sends each block of the cluster its share of the
//                  tile, which that block sums in the order of the senders
#pragma once

#include <cooperative_groups.h>

#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/sparse_gemv/accumulate.cuh"

namespace lacuna::kernels::cuda {

namespace cg = cooperative_groups;

constexpr int kMaxProducts = 3;
constexpr int kDynamicBytes = kMaxSharedBytes - 40 * 1024;  // the reduction's arrays take up to 32 KiB

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
  int slice;     // columns of one split, a multiple of 32
  int capacity;  // of the list of active columns
  int room;      // where a normalised input is kept in shared memory
  int n_products;
  Product products[kMaxProducts];
};

// A batch of 8 has 64 sums a lane and needs the registers of half the threads; f32's queues need all shared memory.
__host__ __device__ constexpr int max_warps(int batch, std::size_t element_bytes) {
  return batch >= 8 || element_bytes == 4 ? 8 : 16;
}

// kMatrices = 1: one product a block. 2: gate (products[0]) and up (products[1]) of the same tile.
template <typename T, int kBatch, int kMatrices, int kOctets, bool kAligned>
__global__ void __launch_bounds__(max_warps(kBatch, sizeof(T)) * 32)
    sparse_gemv_kernel(const __grid_constant__ SparseArgs args) {
  constexpr int kTile = kLaneTile * kOctets;
  extern __shared__ __align__(16) unsigned char shared[];
  __shared__ int warp_counts[16];
  __shared__ float partial[kMatrices * kBatch * kTile];
  __shared__ float received[kMatrices * kBatch * kTile];
  const int capacity = args.capacity;
  const ActiveList<kBatch> list = {reinterpret_cast<int*>(shared), reinterpret_cast<float*>(shared) + capacity};
  float* behind_list = list.x + capacity * kBatch;
  [[maybe_unused]] const unsigned queue =
      shared_address(behind_list) + (threadIdx.x / 32 * kQueue * sizeof(T) / 2 * 32 + threadIdx.x % 32) * 16;
  cg::cluster_group cluster = cg::this_cluster();
  cluster.barrier_arrive();  // waited for before anything is sent to another block: they all have started

  int which = 0;
  if (kMatrices == 1) {
    while (which + 1 < args.n_products && static_cast<int>(blockIdx.y) >= args.products[which + 1].first_tile) ++which;
  }
  const int tile = static_cast<int>(blockIdx.y) - args.products[which].first_tile;
  const int row = tile * kTile + static_cast<int>(threadIdx.x % 32) * 8;
  const int begin = static_cast<int>(blockIdx.x) * args.slice;
  const int end = min(args.cols, begin + args.slice);

  float sums[kMatrices][kBatch][8 * kOctets] = {};
  const T* x = static_cast<const T*>(args.input.x);
  if constexpr (kBatch == 1 && sizeof(T) == 2) {
    const InputReader<T, 2> reader(args.input, args.cols);
    wait_for_previous_grids();
    let_next_grid_start();
    if (args.input.kind == InputKind::normalised) {
      T* room = reinterpret_cast<T*>(shared + args.room);
      reader.stage(room, (args.cols + 7) / 8 * 8);
      x = room;
    }
  } else {
    wait_for_previous_grids();
    let_next_grid_start();
  }
  for (int piece = begin; piece < end; piece += capacity) {
    const int piece_end = min(end, piece + capacity);
    int n = 0;
    const auto select = [&](float threshold) {
      __syncthreads();  // the list's last readers are done
      n = select_active<T, kBatch>(x, args.cols, piece, piece_end, threshold, list, warp_counts);
    };
    const auto columns = [&](int m) {
      const Product& p = args.products[which + m];
      return Columns<T>{static_cast<const T*>(p.w) + row, p.column_stride};
    };
    const int n_rows = args.products[which].rows - row;
    select(args.products[which].threshold);
    if constexpr (kMatrices == 2 && kAligned) {
      if (args.products[1].threshold == args.products[0].threshold) {
        accumulate_queued<T, kBatch, kOctets, true>(columns(0), columns(1), n_rows, list, n, queue, sums[0], sums[1]);
        continue;
      }
    }
#pragma unroll
    for (int m = 0; m < kMatrices; ++m) {
      if (m == 1 && args.products[1].threshold != args.products[0].threshold) select(args.products[1].threshold);
      if constexpr (kAligned) {
        accumulate_queued<T, kBatch, kOctets, false>(columns(m), columns(m), n_rows, list, n, queue, sums[m], sums[m]);
      } else {
        accumulate_unaligned<T, kBatch, kOctets>(columns(m).w, columns(m).stride, n_rows, list, n, sums[m]);
      }
    }
  }
#pragma unroll
  for (int m = 0; m < kMatrices; ++m) {
    reduce_warps<kBatch, kOctets>(sums[m], reinterpret_cast<float*>(shared), partial + m * kBatch * kTile);
  }

  // Sums of share r of the tile go to block r of the cluster: received[sender][matrix][batch][share].
  const int splits = static_cast<int>(gridDim.x);
  const int share = kTile / splits;
  constexpr int kRows = kMatrices * kBatch;
  __syncthreads();
  cluster.barrier_wait();
  for (int i = threadIdx.x; i < kRows * kTile; i += blockDim.x) {
    const int of_tile = i % kTile;
    float* target = cluster.map_shared_rank(received, of_tile / share);
    target[(static_cast<int>(blockIdx.x) * kRows + i / kTile) * share + of_tile % share] = partial[i];
  }
  cluster.sync();
  for (int i = threadIdx.x; i < share * kBatch; i += blockDim.x) {
    const int b = i / share;
    const int out = tile * kTile + static_cast<int>(blockIdx.x) * share + i % share;
    float totals[kMatrices] = {};
#pragma unroll
    for (int m = 0; m < kMatrices; ++m) {
      for (int s = 0; s < splits; ++s) totals[m] += received[(s * kRows + m * kBatch + b) * share + i % share];
    }
    const Product& p = args.products[which];
    if (out >= p.rows) continue;
    const long long place = static_cast<long long>(b) * p.rows + out;
    if constexpr (kMatrices == 2) {
      const float gate = biased<T>(p.output, out, totals[0]);
      const float up = biased<T>(args.products[1].output, out, totals[kMatrices - 1]);
      static_cast<T*>(p.output.y)[place] = from_f32<T>(silu(gate) * up);
    } else {
      store_sum<T>(p.output.y, p.output.kind, place, biased<T>(p.output, out, totals[0]));
    }
  }
}

}  // namespace lacuna::kernels::cuda
