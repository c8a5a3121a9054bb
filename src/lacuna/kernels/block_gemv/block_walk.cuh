// The parts of the kernel for block bundles (cuda.cu): its arguments, its input and one warp's walk through a stream.
#pragma once

#include "lacuna/kernels/block_gemv/block_bundles.hpp"
#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/ends.cuh"

namespace lacuna::kernels::cuda {

constexpr int kBlockStages = 3;  // of a step each: more copies on their way disturb each other

struct BlockArgs {
  const unsigned char* steps;
  const std::int16_t* starts;
  const std::uint16_t* lengths;
  const std::uint32_t* row_order;
  const BlockBundles::Stream* streams;
  const std::uint16_t* order;  // of the columns, or null
  ProductInput input;
  ProductOutput output;
  int cols;
  int blocks;
  int n_bundles;
  int n_streams;
  int lanes_shift;  // 2^lanes_shift lanes a row
  bool overlaps;
};

// The input's elements under an order, a block's features side by side, to shared memory. All threads call it.
template <typename T>
__device__ __forceinline__ void gather_input(const BlockArgs& args, T* x) {
  const T* from = static_cast<const T*>(args.input.x);
  for (int block = static_cast<int>(threadIdx.x); block < args.blocks; block += static_cast<int>(blockDim.x)) {
    __align__(16) T own[8];
#pragma unroll
    for (int k = 0; k < 8; ++k) {
      const int c = block * 8 + k;
      own[k] = c < args.cols ? from[args.order[c]] : from_f32<T>(0.0F);
    }
    *reinterpret_cast<uint4*>(x + block * 8) = *reinterpret_cast<const uint4*>(own);
  }
}

// Zeros from the last column to the end of a block behind the last, which is multiplied where nothing is stored. All
// threads of the block call it, after a barrier; one ends it.
template <typename T>
__device__ __forceinline__ void end_input(const BlockArgs& args, T* x) {
  const int c = args.cols + static_cast<int>(threadIdx.x);
  if (c < args.blocks * 8 + 8) x[c] = from_f32<T>(0.0F);
  __syncthreads();
}

// One warp's walk through a stream.
template <typename T>
class BlockWalk {
 public:
  using Ring = WarpRing<BlockBundles::kStepBytes, kBlockStages>;

  // input: shared address of x. Asks for the tables of the stream and of its first bundle: before any weights, behind
  // which they would wait.
  __device__ __forceinline__ BlockWalk(const BlockArgs& args, int stream, unsigned input)
      : args_(args), input_(input), lane_(static_cast<int>(threadIdx.x) % 32), bundle_(args.n_bundles) {
    if (stream >= args.n_streams) return;
    bundle_ = stream;
    place_ = args.streams[stream];
    fetch(stream);
  }

  // Asks for the first steps. Touches weights and tables only: may run before the grids before have ended.
  __device__ __forceinline__ void open(Ring& ring) {
    ring.open(args_.steps + static_cast<std::size_t>(place_.first) * BlockBundles::kStepBytes,
              static_cast<int>(place_.units) * BlockBundles::kStepBytes);
  }

  __device__ __forceinline__ void run(Ring& ring) {
    for (; bundle_ < args_.n_bundles; bundle_ += args_.n_streams) {
      int block = start_;
      const int length = length_;
      const std::uint32_t row = row_;
      fetch(bundle_ + args_.n_streams);
      float sums[2] = {};
      for (int k = 0; k < length; ++k) {
        const unsigned step = ring.wait();
        const uint4 values = load_shared_16(step + lane_ * 16);
        const int gap = static_cast<int>(load_shared_1(step + 512 + lane_));
        ring.advance(values.x ^ static_cast<std::uint32_t>(gap));
        block += min(gap, BlockBundles::kMostGap);
        const bool stored = gap != 0 && gap != BlockBundles::kMoves;
        multiply(values, load_shared_16(input_ + (stored ? block : args_.blocks) * 16), sums);
      }
      put(row, over_row(sums[0] + sums[1]));
    }
  }

 private:
  __device__ __forceinline__ void fetch(int bundle) {
    if (bundle >= args_.n_bundles) return;
    start_ = args_.starts[32LL * bundle + lane_];
    length_ = args_.lengths[bundle];
    row_ = args_.row_order[bundle * (32 >> args_.lanes_shift) + (lane_ >> args_.lanes_shift)];
  }

  __device__ __forceinline__ static void multiply(const uint4& values, const uint4& inputs, float (&sums)[2]) {
    const std::uint32_t w[4] = {values.x, values.y, values.z, values.w};
    const std::uint32_t x[4] = {inputs.x, inputs.y, inputs.z, inputs.w};
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const float2 weight = pair_to_f32<T>(w[k]);
      const float2 input = pair_to_f32<T>(x[k]);
      sums[0] = fmaf(weight.x, input.x, sums[0]);
      sums[1] = fmaf(weight.y, input.y, sums[1]);
    }
  }

  __device__ __forceinline__ float over_row(float sum) const {
    for (int d = (1 << args_.lanes_shift) / 2; d > 0; d /= 2) sum += __shfl_xor_sync(~0U, sum, d);
    return sum;
  }

  __device__ __forceinline__ void put(std::uint32_t row, float sum) const {
    if ((lane_ & ((1 << args_.lanes_shift) - 1)) != 0 || row == BlockBundles::kNoRow) return;
    store_sum<T>(args_.output.y, args_.output.kind, row, biased<T>(args_.output, row, sum));
  }

  const BlockArgs& args_;
  unsigned input_;
  int lane_;
  int bundle_;
  BlockBundles::Stream place_ = {};
  int start_ = 0;  // of the bundle that comes next
  int length_ = 0;
  std::uint32_t row_ = 0;  // this lane's
};

}  // namespace lacuna::kernels::cuda
