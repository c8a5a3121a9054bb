// The kernel for 2:4 weights: see two_four.hpp for how 2 rows and 8 segments become the 16 rows of an instruction.
// Every warp takes consecutive pairs of rows through a ring of its own; x lies in shared memory in the order of the B
// fragment, 16 bytes a lane and instruction.
#include <algorithm>

#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/device/ends.cuh"
#include "lacuna/kernels/device/threshold.cuh"
#include "lacuna/kernels/packed_gemv/cuda.hpp"

namespace lacuna::kernels {
namespace cuda {
namespace {

constexpr int kStages = 4;
constexpr int kMaxWarps = 16;
constexpr int kSegments = TwoFour::kSegments;
constexpr int kBlockBytes = TwoFour::kBlockBytes;

constexpr int ring_bytes(int stage_blocks) { return kStages * (stage_blocks * kBlockBytes + 8); }

struct Args {
  const unsigned char* blocks;
  ProductInput input;
  ProductOutput output;
  int rows;
  int cols;
  int pairs;
  int blocks_per_pair;
  bool overlaps;
};

// Elements from one segment to the next in shared memory: an odd number of 64-byte lines, so that two segments that are
// read together lie in different banks.
__host__ __device__ constexpr int segment_stride(int blocks_per_pair) { return (blocks_per_pair | 1) * 32; }

// Place of column k (of 32) in the order in which the lanes' B registers hold them.
__device__ __forceinline__ int fragment_place(int k) { return k % 8 / 2 * 8 + k / 8 * 2 + k % 2; }

template <typename T>
__device__ __forceinline__ void multiply_sparse(float (&c)[4], const uint4& a, const uint4& b, std::uint32_t meta);
template <>
__device__ __forceinline__ void multiply_sparse<__half>(float (&c)[4], const uint4& a, const uint4& b,
                                                        std::uint32_t meta) {
  asm volatile(
      "mma.sp::ordered_metadata.sync.aligned.m16n8k32.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
      "{%8,%9,%10,%11}, {%0,%1,%2,%3}, %12, 0x0;"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b.x), "r"(b.y), "r"(b.z), "r"(b.w), "r"(meta));
}
template <>
__device__ __forceinline__ void multiply_sparse<__nv_bfloat16>(float (&c)[4], const uint4& a, const uint4& b,
                                                               std::uint32_t meta) {
  asm volatile(
      "mma.sp::ordered_metadata.sync.aligned.m16n8k32.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
      "{%8,%9,%10,%11}, {%0,%1,%2,%3}, %12, 0x0;"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b.x), "r"(b.y), "r"(b.z), "r"(b.w), "r"(meta));
}

// x into fragment order; true when an input is infinite or NaN.
template <typename T>
__device__ bool fill_fragments(const Args& args, const InputReader<T>& input, T* fragments) {
  const int segment = args.blocks_per_pair * 32;
  const int stride = segment_stride(args.blocks_per_pair);
  bool special = false;
  input.for_each_octet(segment * kSegments, [&](int c, const T(&octet)[8]) {
    const int within = c % segment;
    T* out = fragments + c / segment * stride + within / 32 * 32;
#pragma unroll
    for (int k = 0; k < 8; k += 2) {
      special |= !(fabsf(to_f32(octet[k])) <= 3.402823466e38F) || !(fabsf(to_f32(octet[k + 1])) <= 3.402823466e38F);
      *reinterpret_cast<std::uint32_t*>(out + fragment_place(within % 32 + k)) =
          *reinterpret_cast<const std::uint32_t*>(octet + k);
    }
  });
  return __syncthreads_or(static_cast<int>(special)) != 0;
}

struct Block {
  uint4 values;
  std::uint32_t meta;

  // The first two lanes of every four hold the metadata.
  __device__ __forceinline__ void load(unsigned block, int lane) {
    values = load_shared_16(block + lane * 16);
    meta = load_shared_4(block + 512 + (lane / 4 * 2 + lane % 2) * 4);
  }
};

// The same product without the tensor cores, for infinite or NaN inputs: stored zeros are no positions of the matrix.
template <typename T>
__device__ void multiply_special(const Block& block, const T* fragments, int lane, float (&sums)[2]) {
  const std::uint32_t meta[2] = {__shfl_sync(~0U, block.meta, lane & ~3),
                                 __shfl_sync(~0U, block.meta, (lane & ~3) | 1)};
  const std::uint32_t words[4] = {block.values.x, block.values.y, block.values.z, block.values.w};
#pragma unroll
  for (int reg = 0; reg < 4; ++reg) {
    const int half = reg / 2;
    const int row = reg % 2;
    const std::uint32_t code = meta[half] >> (16 * row + 4 * (lane % 4)) & 15U;
    const float2 w = pair_to_f32<T>(words[reg]);
    const int group = 16 * half + 4 * (lane % 4);
    if (w.x != 0.0F) sums[row] += w.x * to_f32(fragments[fragment_place(group + (code & 3U))]);
    if (w.y != 0.0F) sums[row] += w.y * to_f32(fragments[fragment_place(group + (code >> 2U))]);
  }
}

template <typename T>
__device__ __forceinline__ void store_pair(const Args& args, int pair, int lane, float first, float second) {
#pragma unroll
  for (int d = 16; d > 0; d /= 2) {
    first += __shfl_xor_sync(~0U, first, d);
    second += __shfl_xor_sync(~0U, second, d);
  }
  const int row = 2 * pair + lane;
  if (args.output.kind == OutputKind::gate) {
    if (lane == 0) store_gate<T>(args.output, pair, first, second);
  } else if (lane < 2 && row < args.rows) {
    store_sum<T>(args.output.y, args.output.kind, row, biased<T>(args.output, row, lane == 0 ? first : second));
  }
}

template <typename T, int kStageBlocks>
__global__ void __launch_bounds__(kMaxWarps * 32, kStageBlocks == 2 ? 2 : 1)
    two_four_kernel(const __grid_constant__ Args args) {
  using Ring = WarpRing<kStageBlocks * kBlockBytes, kStages>;
  extern __shared__ __align__(16) unsigned char shared[];
  T* fragments = reinterpret_cast<T*>(shared);
  const int lane = threadIdx.x % 32;
  const int warps = static_cast<int>(blockDim.x) / 32;
  const int in_block = own_warp();
  const long long warp = static_cast<long long>(blockIdx.x) * warps + in_block;
  const long long all_warps = static_cast<long long>(warps) * gridDim.x;
  int pair = static_cast<int>(args.pairs * warp / all_warps);
  const int pair_end = static_cast<int>(args.pairs * (warp + 1) / all_warps);

  InputReader<T> input(args.input, args.cols);
  if (!args.overlaps) input.fetch(args.blocks_per_pair * 32 * kSegments);
  const int blocks_begin = args.blocks_per_pair * (pair_end - pair);
  const int fragment_bytes = segment_stride(args.blocks_per_pair) * kSegments * 2;
  const unsigned rings = shared_address(shared) + fragment_bytes;
  Ring ring(rings + in_block * Ring::kBytes, rings + warps * Ring::kBytes + in_block * kStages * 8);
  ring.open(args.blocks + static_cast<std::size_t>(pair) * args.blocks_per_pair * kBlockBytes,
            blocks_begin * kBlockBytes);
  let_next_grid_start();
  wait_for_previous_grids();
  const bool special = fill_fragments(args, input, fragments);
  zero_below(fragments, segment_stride(args.blocks_per_pair) * kSegments, args.input.threshold);

  // Lane 4·g + t reads segment g; its own sum is where B's column is A's segment: column g, of lane 4·g + g/2.
  const T* own_segment = fragments + lane / 4 * segment_stride(args.blocks_per_pair);
  const bool diagonal = lane % 4 == lane / 8;
  const bool odd = lane / 4 % 2 != 0;
  float c[4] = {};
  float sums[2] = {};
  int step = 0;
  const auto multiply = [&](const Block& block) {
    if (!special) {
      const uint4 b = *reinterpret_cast<const uint4*>(own_segment + step * 32 + lane % 4 * 8);
      multiply_sparse<T>(c, block.values, b, block.meta);
    } else {
      multiply_special(block, own_segment + step * 32, lane, sums);
    }
    if (++step < args.blocks_per_pair) return;
    if (!special) {
      sums[0] = diagonal ? (odd ? c[1] : c[0]) : 0.0F;
      sums[1] = diagonal ? (odd ? c[3] : c[2]) : 0.0F;
    }
    store_pair<T>(args, pair++, lane, sums[0], sums[1]);
    step = 0;
    sums[0] = sums[1] = 0.0F;
    c[0] = c[1] = c[2] = c[3] = 0.0F;
  };
  for (int blocks = blocks_begin; blocks > 0; blocks -= kStageBlocks) {
    const unsigned stage = ring.wait();
    Block own[kStageBlocks];
#pragma unroll
    for (int k = 0; k < kStageBlocks; ++k) own[k].load(stage + k * kBlockBytes, lane);
    std::uint32_t read = 0;
#pragma unroll
    for (const Block& block : own) read ^= block.values.x ^ block.meta;
    ring.advance(read);
#pragma unroll
    for (int k = 0; k < kStageBlocks; ++k) {
      if (k < blocks) multiply(own[k]);
    }
  }
}

}  // namespace
}  // namespace cuda

namespace {

int fragment_bytes(std::int64_t blocks_per_pair) {
  return cuda::segment_stride(static_cast<int>(std::min<std::int64_t>(blocks_per_pair, 1 << 16))) * cuda::kSegments * 2;
}

template <typename T, int kStageBlocks>
void launch(const cuda::Args& args, int grid, int warps, Overlap overlap, cudaStream_t stream) {
  auto* kernel = cuda::two_four_kernel<T, kStageBlocks>;
  static const cudaError_t raised =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, cuda::kMaxSharedBytes);
  check_cuda(raised, "raise the shared memory limit");
  static const cudaError_t carved = cuda::prefer_shared_memory(kernel);
  check_cuda(carved, "prefer shared memory");
  const int bytes =
      std::max(fragment_bytes(args.blocks_per_pair) + warps * cuda::ring_bytes(kStageBlocks), cuda::kLeastOfTwo);
  cuda::launch_overlapping(kernel, args, dim3(grid), dim3(warps * 32), bytes, overlap, stream);
}

// At most, or a few less where the pairs then fall evenly to them.
int even_warps(std::int64_t pairs, int multiprocessors, int most) {
  int best = most;
  double least = 1e300;
  for (int warps = most; warps >= std::max(most - 4, 1); --warps) {
    const double share = static_cast<double>(pairs) / multiprocessors / warps;
    const double waste = std::ceil(share - 0.02) / share;
    if (waste < least - 0.01) {
      least = waste;
      best = warps;
    }
  }
  return best;
}

}  // namespace

DeviceTwoFour::DeviceTwoFour(const TwoFour& p)
    : dtype_(p.dtype), rows_(p.rows), cols_(p.cols), segment_(p.segment), blocks_(p.blocks.data(), p.blocks.size()) {
  const auto info = device_info();
  if (!info) throw Error(ErrorCode::io_failed, "packed_gemv on CUDA: there is no device");
  const int room = (cuda::kMaxSharedBytes - fragment_bytes(p.blocks_per_pair())) / cuda::ring_bytes(4);
  if (room < 1) throw Error(ErrorCode::invalid_argument, "2:4 on CUDA: too many columns for shared memory");
  warps_ = even_warps(p.pairs(), info->multiprocessors, std::min(room, cuda::kMaxWarps));
  grid_ = info->multiprocessors;
}

void DeviceTwoFour::multiply(const ProductInput& input, const ProductOutput& output, DeviceStream stream,
                             Overlap overlap) const {
  const int blocks_per_pair = static_cast<int>(segment_ / TwoFour::kColumns);
  const cuda::Args args{reinterpret_cast<const unsigned char*>(blocks_.data()),
                        input,
                        output,
                        static_cast<int>(rows_),
                        static_cast<int>(cols_),
                        static_cast<int>((rows_ + 1) / 2),
                        blocks_per_pair,
                        overlap != Overlap::none};
  auto* queue = static_cast<cudaStream_t>(stream);
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    const bool few = overlap == Overlap::none || (overlap == Overlap::two && fits_two());
    if (few) return launch<T, 2>(args, grid_, warps_, overlap, queue);
    launch<T, 4>(args, grid_, warps_, overlap, queue);
  };
  if (dtype_ == DType::f16) return run(__half());
  run(__nv_bfloat16());
}

bool DeviceTwoFour::fits_two() const {
  return fragment_bytes(segment_ / TwoFour::kColumns) + warps_ * cuda::ring_bytes(2) <= cuda::kMostOfTwo;
}

}  // namespace lacuna::kernels
