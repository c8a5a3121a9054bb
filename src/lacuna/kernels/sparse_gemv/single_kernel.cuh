// The kernel of cuda.hpp for one input of a 16-bit type and aligned weights: what a decoding step runs. A block owns
// kTile outputs and all columns, or one part of them; the blocks of one tile form a cluster.
//
//   1. list        the active columns of the block's part, in shared memory (column_list.cuh): a few for each warp
//                  first, the others while the weights of these are on their way
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

constexpr int kSingleWarps = 16;
constexpr int kOwnListBytes = 128;
constexpr int kMoreAtOnce = 7;  // of a thread's pairs of columns, once the first weights are on their way

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
    if (threadIdx.x < 32) open_inbox(shared_address(&inbox.barrier), sizeof(inbox.sums));
    tell_cluster_of_start();
  }

  // All threads, once, before finish().
  __device__ __forceinline__ void wait_for_cluster() const {
    if (blocks_ > 1) cluster_has_started();
  }

  // All threads; scratch: kTile sums of each warp, `apart` floats from the next warp's.
  __device__ __forceinline__ void finish(const float* scratch, int apart) {
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
#pragma unroll 8
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

// The block's input, once the grids before have ended: where it is, or beside the list in shared memory.
template <typename T>
__device__ __forceinline__ const T* wait_for_input(const SparseArgs& args, unsigned char* memory) {
  const InputReader<T, 1> reader(args.input, args.cols);
  wait_for_previous_grids();
  let_next_grid_start();
  if (args.room == 0) return static_cast<const T*>(args.input.x);
  reader.stage(reinterpret_cast<T*>(memory + args.room), (args.cols + 7) / 8 * 8);
  __syncthreads();
  return reinterpret_cast<const T*>(memory + args.room);
}

// What a block has in dynamic shared memory: rings of its warps, their own lists, its list, and perhaps its input.
template <int kTile, int kQueued>
__host__ __device__ constexpr int list_offset(int warps) {
  return warps * (WarpShape<kTile, kQueued>::kRingBytes + kOwnListBytes);
}

// Lists the columns of one piece and adds them up.
template <typename T, int kMatrices, typename Shape>
class Piece {
 public:
  __device__ __forceinline__ Piece(const T* x, int begin, int end, const ActiveTest<T>& test, std::uint32_t* list,
                                   int* warp_counts)
      : x_(x), begin_(begin), end_(end), test_(test), list_(list), warp_counts_(warp_counts) {}

  // own: room for the warp's own list.
  __device__ __forceinline__ void add(const LaneColumns& columns, const Turns& turns, std::uint32_t* own, unsigned ring,
                                      float (&sums)[Shape::kSums]) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    OwnColumns<T> first(x_, begin_ + turns.own * 32 + lane, end_);
    const int listed = begin_ + turns.all * 32;
    const More more(x_, listed, min(end_, listed + More::most()));
    const int n_own = first.take(test_, begin_, Shape::kOwn, own);
    if (static_cast<int>(threadIdx.x) / 32 >= turns.all) first.leave_to_others();  // the first matrix's warps
    ColumnAdder<T, Shape, kMatrices == 2> adder(columns, {shared_address(own), n_own, shared_address(list_)}, ring);
    adder.run(turns, [&] { return complete(first, more, listed); }, sums);
  }

 private:
  using More = Candidates<T, kMoreAtOnce>;

  __device__ __forceinline__ int complete(const OwnColumns<T>& first, const More& more, int listed) const {
    const auto write = [&](std::uint32_t* to) {
      first.list(begin_, to);
      more.list(test_, begin_, to + first.count());
    };
    int n = append(first.count() + more.count(test_), write, list_, 0, warp_counts_);
    for (listed += More::most(); listed < end_; listed += More::most()) {
      const More next(x_, listed, min(end_, listed + More::most()));
      n = append(next.count(test_), [&](std::uint32_t* to) { next.list(test_, begin_, to); }, list_, n, warp_counts_);
    }
    return n;
  }

  const T* x_;
  int begin_;
  int end_;
  const ActiveTest<T>& test_;
  std::uint32_t* list_;
  int* warp_counts_;
};

// kMatrices = 1: one product a block. 2: gate (products[0]) and up (products[1]) of the same tile. At most kWarps
// warps, with kQueued octets of each lane on their way.
template <typename T, int kMatrices, int kTile, int kQueued, int kWarps>
__global__ void __launch_bounds__(kWarps * 32, 2) sparse_single_kernel(const __grid_constant__ SparseArgs args) {
  using Shape = WarpShape<kTile, kQueued>;
  using End = TileEnd<T, kMatrices, kTile>;
  static_assert(kTile * 4 <= Shape::kRingBytes && Shape::kOwn * 4 <= kOwnListBytes);
  extern __shared__ __align__(128) unsigned char rings[];
  __shared__ int warp_counts[kWarps];
  __shared__ typename End::Inbox inbox;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int n_warps = static_cast<int>(blockDim.x) / 32;
  const TileOf own = TileOf::block<kMatrices>(args);
  End end_of_tile(args, own, inbox);
  auto* list = reinterpret_cast<std::uint32_t*>(rings + list_offset<kTile, kQueued>(n_warps));
  auto* own_list = list - (n_warps - warp) * (kOwnListBytes / 4);
  const unsigned ring = lane_address(shared_address(rings + warp * Shape::kRingBytes) + lane * 16);
  const Turns turns{warp % (n_warps / kMatrices), n_warps / kMatrices};
  const Product& p = args.products[own.product + (kMatrices == 2 ? warp / turns.all : 0)];
  const int row = own.tile * kTile + lane % Shape::kLanes * 8;
  const int begin = static_cast<int>(blockIdx.x) * args.slice;
  const int end = min(args.cols, begin + args.slice);
  ActiveTest<T> test(args.products[own.product].threshold);
  if (kMatrices == 2) test.or_above(args.products[1].threshold);
  float sums[Shape::kSums] = {};

  const T* x = wait_for_input<T>(args, rings);
  for (int piece = begin; piece < end; piece += args.capacity) {
    if (piece != begin) __syncthreads();  // the list's last readers are done
    const T* w = static_cast<const T*>(p.w) + piece * p.column_stride + row;
    const LaneColumns columns{reinterpret_cast<const unsigned char*>(w), static_cast<unsigned>(p.column_stride * 2),
                              p.rows - row, p.threshold};
    const Piece<T, kMatrices, Shape> columns_of(x, piece, min(end, piece + args.capacity), test, list, warp_counts);
    columns_of.add(columns, turns, own_list, ring, sums);
  }
  end_of_tile.wait_for_cluster();
  // A warp's ring is empty: its sums take the place.
  auto* scratch = reinterpret_cast<float*>(rings);
  store_warp_sums<Shape>(sums, scratch + warp * (Shape::kRingBytes / 4));
  end_of_tile.finish(scratch, Shape::kRingBytes / 4);
}

}  // namespace lacuna::kernels::cuda
