// The kernel of cuda.hpp where neither single_kernel.cuh nor batch_kernel.cuh applies: f32, and unaligned weights. A
// block owns 256 outputs and one part of the columns; the blocks of one output tile form a cluster.
//
//   1. select      active columns get a place in a list in shared memory (select.cuh)
//   2. accumulate  the warps take the list's columns in turn, each through a queue of asynchronous copies
//   3. reduce      over the warps in shared memory, then over the cluster (finish.cuh)
#pragma once

#include "lacuna/kernels/sparse_gemv/accumulate.cuh"
#include "lacuna/kernels/sparse_gemv/finish.cuh"

namespace lacuna::kernels::cuda {

constexpr int kDynamicBytes = kMaxSharedBytes - 40 * 1024;  // the reduction's arrays take up to 32 KiB

// A batch of 8 has 64 sums a lane and needs the registers of half the threads; f32's queues need all shared memory.
__host__ __device__ constexpr int max_warps(int batch, std::size_t element_bytes) {
  return batch >= 8 || element_bytes == 4 ? 8 : 16;
}

// kMatrices = 1: one product a block. 2: gate (products[0]) and up (products[1]) of the same tile.
template <typename T, int kBatch, int kMatrices, bool kAligned>
__global__ void __launch_bounds__(max_warps(kBatch, sizeof(T)) * 32)
    sparse_gemv_kernel(const __grid_constant__ SparseArgs args) {
  constexpr int kWarpBytes = warp_bytes<T, kBatch, kMatrices, kAligned>();
  extern __shared__ __align__(128) unsigned char shared[];
  __shared__ int warp_counts[16];
  __shared__ float received[kMatrices * kBatch * kLaneTile];
  const int capacity = args.capacity;
  const ActiveList<kBatch> list = {reinterpret_cast<int*>(shared), reinterpret_cast<float*>(shared) + capacity};
  float* behind_list = list.x + capacity * kBatch;
  [[maybe_unused]] const unsigned queue =
      lane_address(shared_address(behind_list) + threadIdx.x / 32 * kWarpBytes + threadIdx.x % 32 * 16);
  cg::cluster_group cluster = cg::this_cluster();
  cluster.barrier_arrive();  // waited for before anything is sent to another block: they all have started

  const TileOf own = TileOf::block<kMatrices>(args);
  const int which = own.product;
  const int row = own.tile * kLaneTile + static_cast<int>(threadIdx.x % 32) * 8;
  const int begin = static_cast<int>(blockIdx.x) * args.slice;
  const int end = min(args.cols, begin + args.slice);

  float sums[kMatrices][kBatch][8] = {};
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
  for (int piece = begin; piece < end; piece += args.capacity) {
    const int piece_end = min(end, piece + args.capacity);
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
#pragma unroll
    for (int m = 0; m < kMatrices; ++m) {
      if (m == 1 && args.products[1].threshold != args.products[0].threshold) select(args.products[1].threshold);
      if constexpr (kAligned) {
        accumulate_queued<T, kBatch>(columns(m), n_rows, list, n, queue, sums[m]);
      } else {
        accumulate_unaligned<T, kBatch>(columns(m).w, columns(m).stride, n_rows, list, n, sums[m]);
      }
    }
  }
  // A warp's queue is empty: its sums take the place.
  constexpr int kSumsOfWarp = kWarpBytes / 4;
  float* scratch = behind_list + threadIdx.x / 32 * kSumsOfWarp;
#pragma unroll
  for (int m = 0; m < kMatrices; ++m) store_sums<kBatch>(sums[m], scratch + m * kBatch * kLaneTile);
  __syncthreads();
  const int warps = static_cast<int>(blockDim.x) / 32;
  finish_tile<T, kMatrices, kLaneTile>(args, own, kBatch, received, [&](int m, int b, int place) {
    const float* of_warps = behind_list + (m * kBatch + b) * kLaneTile + place;
    float sum = 0.0F;
#pragma unroll 8
    for (int w = 0; w < warps; ++w) sum += of_warps[w * kSumsOfWarp];
    return sum;
  });
}

}  // namespace lacuna::kernels::cuda
