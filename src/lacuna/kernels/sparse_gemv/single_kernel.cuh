// The kernel of cuda.hpp for one input of a 16-bit type and aligned weights: what a decoding step runs. A block owns
// kTile outputs and all columns, or one part of them; the blocks of one tile form a cluster.
//
//   1. list        the active columns of the block's part, in shared memory (column_list.cuh)
//   2. add         the warps take the list's columns in turn, each through a ring of asynchronous copies
//                  (column_sums.cuh); of gate·up, half of the warps gate's and half up's
//   3. finish      over the warps in shared memory; blocks of a cluster send each sum to the one that stores it
//                  (exchange.cuh)
//
// Rings are aligned to 128 bytes: copies that straddle lines of shared memory take a tenth longer, whole kernel.
#pragma once

#include "lacuna/kernels/sparse_gemv/column_sums.cuh"
#include "lacuna/kernels/sparse_gemv/exchange.cuh"
#include "lacuna/kernels/sparse_gemv/finish.cuh"

namespace lacuna::kernels::cuda {

constexpr int kSingleWarps = 8;
constexpr int kWarpRingBytes = 8192;  // WarpShape::kRingBytes

// A block's inbox, and what it does with the sums of its warps.
template <typename T, int kMatrices, int kTile>
class TileEnd {
 public:
  struct Inbox {
    float sums[kMatrices * kTile];  // [matrix][sender][output of this block's share]
    unsigned long long barrier;
  };

  __device__ __forceinline__ TileEnd(const SparseArgs& args, const TileOf& own, Inbox& inbox)
      : args_(args),
        own_(own),
        inbox_(inbox),
        blocks_(static_cast<int>(gridDim.x)),  // a power of two
        rank_(static_cast<int>(blockIdx.x)) {
    shift_ = __ffs(kTile / blocks_) - 1;
    if (blocks_ == 1) return;
    if (threadIdx.x == 0) open_inbox(shared_address(&inbox.barrier), sizeof(inbox.sums));
    tell_cluster_of_start();
  }

  // All threads; scratch: kTile sums of each warp, `apart` floats from the next warp's.
  __device__ __forceinline__ void finish(const float* scratch, int apart) {
    if (blocks_ > 1) cluster_has_started();
    __syncthreads();
    for (int place = static_cast<int>(threadIdx.x); place < kTile; place += static_cast<int>(blockDim.x)) {
      float sums[kMatrices] = {};
#pragma unroll
      for (int m = 0; m < kMatrices; ++m) {
        sums[m] = sum_of_warps(scratch + m * warps() * apart + place, apart);
      }
      if (blocks_ == 1) {
        store_output<T, kMatrices>(args_, own_, 0, own_.tile * kTile + place, sums);
      } else {
        send(place, sums);
      }
    }
    if (blocks_ > 1) receive();
  }

 private:
  __device__ __forceinline__ static int warps() { return static_cast<int>(blockDim.x) / 32 / kMatrices; }

  __device__ __forceinline__ static float sum_of_warps(const float* of_warp, int apart) {
    float sum = 0.0F;
#pragma unroll 4
    for (int w = 0; w < warps(); ++w) sum += of_warp[w * apart];
    return sum;
  }

  __device__ __forceinline__ void send(int place, const float (&sums)[kMatrices]) const {
    const auto owner = static_cast<unsigned>(place >> shift_);
    const unsigned barrier = address_in(shared_address(&inbox_.barrier), owner);
#pragma unroll
    for (int m = 0; m < kMatrices; ++m) {
      const float* to = inbox_.sums + ((m * blocks_ + rank_) << shift_) + (place & ((1 << shift_) - 1));
      send_sum(address_in(shared_address(to), owner), sums[m], barrier);
    }
  }

  __device__ __forceinline__ void receive() const {
    const int share = 1 << shift_;
    for (int i = static_cast<int>(threadIdx.x); i < share; i += static_cast<int>(blockDim.x)) {
      wait_for_inbox(shared_address(&inbox_.barrier));
      float totals[kMatrices] = {};
#pragma unroll
      for (int m = 0; m < kMatrices; ++m) {
        for (int s = 0; s < blocks_; ++s) totals[m] += inbox_.sums[((m * blocks_ + s) << shift_) + i];
      }
      store_output<T, kMatrices>(args_, own_, 0, own_.tile * kTile + rank_ * share + i, totals);
    }
  }

  const SparseArgs& args_;
  const TileOf& own_;
  Inbox& inbox_;
  int blocks_;
  int rank_;
  int shift_;
};

// The block's input, once the grids before have ended; a normalised one beside the list in shared memory.
template <typename T>
__device__ __forceinline__ const T* wait_for_input(const SparseArgs& args, unsigned char* room) {
  const InputReader<T, 1> reader(args.input, args.cols);
  wait_for_previous_grids();
  let_next_grid_start();
  if (args.input.kind != InputKind::normalised) return static_cast<const T*>(args.input.x);
  reader.stage(reinterpret_cast<T*>(room), (args.cols + 7) / 8 * 8);
  __syncthreads();
  return reinterpret_cast<const T*>(room);
}

// kMatrices = 1: one product a block. 2: gate (products[0]) and up (products[1]) of the same tile.
template <typename T, int kMatrices, int kTile>
__global__ void __launch_bounds__(kSingleWarps * 32, 2) sparse_single_kernel(const __grid_constant__ SparseArgs args) {
  using Shape = WarpShape<kTile>;
  using End = TileEnd<T, kMatrices, kTile>;
  static_assert(Shape::kRingBytes == kWarpRingBytes && kTile * 4 <= kWarpRingBytes);
  extern __shared__ __align__(128) unsigned char rings[];
  __shared__ __align__(16) int warp_counts[kSingleWarps];
  __shared__ typename End::Inbox inbox;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int n_warps = static_cast<int>(blockDim.x) / 32;
  const TileOf own = TileOf::block<kMatrices>(args);
  End end_of_tile(args, own, inbox);
  auto* list = reinterpret_cast<std::uint32_t*>(rings + n_warps * kWarpRingBytes);
  const unsigned ring = lane_address(shared_address(rings + warp * kWarpRingBytes) + lane * 16);
  const Turns turns{warp % (n_warps / kMatrices), n_warps / kMatrices};
  const Product& p = args.products[own.product + (kMatrices == 2 ? warp / turns.all : 0)];
  const int row = own.tile * kTile + lane % Shape::kLanes * 8;
  const int begin = static_cast<int>(blockIdx.x) * args.slice;
  const int end = min(args.cols, begin + args.slice);
  float threshold = args.products[own.product].threshold;
  if (kMatrices == 2) threshold = fminf(threshold, args.products[1].threshold);
  float sums[Shape::kSums] = {};

  const T* x = wait_for_input<T>(args, rings + args.room);
  for (int piece = begin; piece < end; piece += args.capacity) {
    const int piece_end = min(end, piece + args.capacity);
    __syncthreads();  // the list's last readers are done
    const int n = list_columns<T>(x, piece, piece_end, threshold, list, warp_counts);
    const T* w = static_cast<const T*>(p.w) + piece * p.column_stride + row;
    const LaneColumns columns{reinterpret_cast<const unsigned char*>(w), static_cast<unsigned>(p.column_stride * 2),
                              p.rows - row, p.threshold};
    ColumnAdder<T, kTile, kMatrices == 2>(columns, shared_address(list), n, ring).run(turns, sums);
  }
  // A warp's ring is empty: its sums take the place.
  auto* scratch = reinterpret_cast<float*>(rings);
  store_warp_sums<kTile>(sums, scratch + warp * (kWarpRingBytes / 4));
  end_of_tile.finish(scratch, kWarpRingBytes / 4);
}

}  // namespace lacuna::kernels::cuda
