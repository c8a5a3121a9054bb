// The kernel of cuda.hpp for 2 to 8 inputs of 16-bit types, on tensor cores. A block owns 128 outputs and one part of
// the columns, of which every warp owns a part; the blocks of one output tile form a cluster.
//
//   1. list        128 columns at a time, a warp lists those that are active for any input, their inputs beside them, 0
//                  where a column is active for others only
//   2. accumulate  16 columns of the list at a time go through the warp's ring of asynchronous copies: a column's 128
//                  weights lie together, so 8×8 matrices come transposed out of shared memory (ldmatrix.trans) as the A
//                  of 16 outputs × 16 columns; B is 16 columns × 8 inputs
//   3. reduce      over the warps in shared memory, then over the cluster, whose blocks finish a share of the outputs
//                  each (batch_finish.cuh)
//
// Warps do not wait for each other before 3. Where every column is active anyhow (threshold < 0), nothing is listed,
// and the first weights are asked for before the inputs are there.
//
// Budget of a warp, 128 columns of 128 outputs, 32 KiB: a list of 250 instructions, 8 times 8 copies, 8 ldmatrix, 8 mma
// and 60 others: 930, of 1300 that the issue slots have in the time in which 4.3 TB/s bring 32 KiB.
#pragma once

#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/tensor_core.cuh"
#include "lacuna/kernels/sparse_gemv/batch_finish.cuh"
#include "lacuna/kernels/sparse_gemv/batch_inputs.cuh"

namespace lacuna::kernels::cuda {

constexpr int kBatchTile = 128;
constexpr int kTileOctets = kBatchTile / 8;
// Of a block, at most. Registers are for three blocks of four warps a multiprocessor, or two of eight.
constexpr int batch_warps(int n_matrices) { return n_matrices == 1 ? 8 : 4; }
constexpr int kColumnBytes = kBatchTile * 2;
constexpr int kStageBytes = kStageColumns * kColumnBytes;
constexpr int kBatchStages = 2;
constexpr int kScratchRow = kBatchTile + 4;  // floats: lanes that store sums lie in different banks
// A warp's shared memory: its ring, the listed inputs of 8 rows, the listed columns; its sums in the end.
constexpr int kBatchWarpBytes = kBatchStages * kStageBytes + kListBytes;
static_assert(2 * kMostBatch * kScratchRow * 4 <= kBatchWarpBytes);

// A matrix from this tile's first row on, and how many rows there are.
template <typename T>
struct BatchColumns {
  const T* w;
  long long stride;
  int n_rows;
};

// One warp's columns of one matrix. sums[m]: outputs 16m … 16m+15. Where all columns are active, `first` is the first.
template <typename T>
class BatchPart {
 public:
  __device__ __forceinline__ BatchPart(const BatchColumns<T>& columns, UnionList<T>& list, int first, int last,
                                       bool all, unsigned ring)
      : columns_(columns), list_(list), first_(first), size_(last - first), all_(all), ring_(ring) {}

  __device__ __forceinline__ void start(int s) {
    if (!all_) list_.extend((s + 1) * kStageColumns);
    const int size = all_ ? size_ : list_.size();
    const int octet = lane() % kTileOctets;
    const bool holds_rows = octet * 8 < columns_.n_rows;
    if (s * kStageColumns < size) {
#pragma unroll
      for (int i = 0; i < kTileOctets / 2; ++i) {
        const int c = i * (32 / kTileOctets) + lane() / kTileOctets;
        const int entry = s * kStageColumns + c;
        const bool valid = entry < size && holds_rows;
        const int column = all_ ? first_ + entry : list_.column(entry);
        const T* from = valid ? columns_.w + column * columns_.stride + octet * 8 : columns_.w;
        copy_16(stage(s) + c * kColumnBytes + ((octet ^ (c & 7)) * 16), from, valid, policy_);
      }
    }
    end_copies();
  }

  __device__ __forceinline__ void run(float (&sums)[kBatchTile / 16][4]) {
    for (int s = 0;; ++s) {
      list_.extend((s + 1) * kStageColumns);
      if (s * kStageColumns >= list_.size()) break;
      const int entry = s * kStageColumns + lane() % 4 * 2;
      multiply(s, list_.pair(entry), list_.pair(entry + 8), sums);
    }
    wait_for_copies<0>();
    __syncwarp();
  }

  // Where all columns are active; `inputs` has fetched those from stage 0 on.
  __device__ __forceinline__ void run_all(AllInputs<T>& inputs, float (&sums)[kBatchTile / 16][4]) {
    const int stages = (size_ + kStageColumns - 1) / kStageColumns;
    for (int s = 0; s < stages; s += AllInputs<T>::kAhead) {
      inputs.advance(s);
      run_ahead<0>(inputs, s, stages, sums);
    }
    wait_for_copies<0>();
    __syncwarp();
  }

 private:
  __device__ __forceinline__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }
  __device__ __forceinline__ unsigned stage(int s) const { return ring_ + s % kBatchStages * kStageBytes; }

  template <int kStage>
  __device__ __forceinline__ void run_ahead(const AllInputs<T>& inputs, int s, int stages,
                                            float (&sums)[kBatchTile / 16][4]) {
    if constexpr (kStage < AllInputs<T>::kAhead) {
      if (s + kStage >= stages) return;
      multiply(s + kStage, inputs.template fragment<kStage>(0), inputs.template fragment<kStage>(1), sums);
      run_ahead<kStage + 1>(inputs, s, stages, sums);
    }
  }

  // Stage s once it is there, times the B fragment b0, b1; then the stage takes the next columns.
  __device__ __forceinline__ void multiply(int s, std::uint32_t b0, std::uint32_t b1,
                                           float (&sums)[kBatchTile / 16][4]) {
    wait_for_copies<kBatchStages - 1>();
    __syncwarp();
    // Row k of a matrix of ldmatrix is a column of W; octet m of its weights lies at place m ^ (k % 8).
    const int k = lane() % 8 + lane() / 16 * 8;
    const unsigned matrix = stage(s) + k * kColumnBytes;
#pragma unroll
    for (int m = 0; m < kBatchTile / 16; ++m) {
      std::uint32_t a[4];
      load_transposed_matrices(matrix + (((2 * m + lane() / 8 % 2) ^ (lane() % 8)) * 16), a);
      multiply_add<T>(sums[m], a, b0, b1);
    }
    __syncwarp();
    start(s + kBatchStages);
  }

  const BatchColumns<T>& columns_;
  UnionList<T>& list_;
  int first_;
  int size_;
  bool all_;
  unsigned ring_;
  unsigned long long policy_ = read_once();
};

// A lane's sums to scratch[b][output].
__device__ __forceinline__ void store_batch_sums(const float (&sums)[kBatchTile / 16][4], float* scratch) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int m = 0; m < kBatchTile / 16; ++m) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      scratch[(lane % 4 * 2 + i % 2) * kScratchRow + 16 * m + lane / 4 + i / 2 * 8] = sums[m][i];
    }
  }
}

// A warp's sums of one matrix.
template <typename T>
__device__ __forceinline__ void multiply_columns(const SparseArgs& args, const BatchColumns<T>& columns,
                                                 float threshold, int first, int last, unsigned char* memory,
                                                 float (&sums)[kBatchTile / 16][4]) {
  const bool all = threshold < 0.0F;
  UnionList<T> list(args, threshold, first, last, memory + kBatchStages * kStageBytes);
  BatchPart<T> part(columns, list, first, last, all, lane_address(shared_address(memory)));
  const auto start = [&] {
    for (int s = 0; s < kBatchStages; ++s) part.start(s);
  };
  if (all) {
    AllInputs<T> inputs(args, first, last);
    // Weights may come before the grids before have ended; in an ordinary launch the inputs go first, since a load
    // waits behind all that was asked for before.
    if (args.overlaps) start();
    wait_for_previous_grids();
    inputs.fetch(0);
    if (!args.overlaps) start();
    part.run_all(inputs, sums);
  } else {
    wait_for_previous_grids();
    list.fetch();
    start();
    part.run(sums);
  }
}

template <typename T, int kMatrices>
__global__ void __launch_bounds__(batch_warps(kMatrices) * 32, kMatrices == 1 ? 2 : 3)
    sparse_batch_kernel(const __grid_constant__ SparseArgs args) {
  extern __shared__ __align__(128) unsigned char shared[];
  __shared__ float received[kMatrices * kMostBatch * (kBatchTile + kMostSplits)];
  const int warps = static_cast<int>(blockDim.x) / 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  unsigned char* memory = shared + warp * kBatchWarpBytes;
  cg::cluster_group cluster = cg::this_cluster();
  cluster.barrier_arrive();  // waited for before anything is sent to another block: they all have started
  const TileOf own = TileOf::block<kMatrices>(args);
  const int first_row = own.tile * kBatchTile;
  // args.slice: columns of a warp.
  const int first = min(args.cols, (static_cast<int>(blockIdx.x) * warps + warp) * args.slice);
  const int last = min(args.cols, first + args.slice);
  float sums[kMatrices][kBatchTile / 16][4] = {};
#pragma unroll
  for (int m = 0; m < kMatrices; ++m) {
    const Product& p = args.products[own.product + m];
    const BatchColumns<T> columns{static_cast<const T*>(p.w) + first_row, p.column_stride, p.rows - first_row};
    multiply_columns(args, columns, p.threshold, first, last, memory, sums[m]);
  }
  let_next_grid_start();  // not before: its blocks would disturb this one's rings
  float* scratch = reinterpret_cast<float*>(memory);
#pragma unroll
  for (int m = 0; m < kMatrices; ++m) store_batch_sums(sums[m], scratch + m * kMostBatch * kScratchRow);
  __syncthreads();
  finish_batch<T, kMatrices, kBatchTile>(args, own, received, [&](int m, int b, int place) {
    const float* of_warps = reinterpret_cast<const float*>(shared) + (m * kMostBatch + b) * kScratchRow + place;
    float sum = 0.0F;
#pragma unroll 4
    for (int w = 0; w < warps; ++w) sum += of_warps[w * (kBatchWarpBytes / 4)];
    return sum;
  });
}

}  // namespace lacuna::kernels::cuda
