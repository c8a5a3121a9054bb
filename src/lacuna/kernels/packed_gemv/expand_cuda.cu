// Packed weights as dense rows again, on the device: what products of many tokens read (gemm/cuda.hpp). A block builds
// a bundle's rows, or a warp a pair of rows of 2:4, in shared memory and writes them from there.
//
// Budget of a bundle of four half-full rows of 4096 columns, in a block of 8 warps: 32 blocks of entries, of which
// every warp adds up the gaps of all before its own, 200 instructions, and scatters four, 250; clearing and writing 32
// KiB take 150: 5000 warp instructions, and writing 32 KiB at 3 TB/s takes a device of 132·4 schedulers the time of
// 10,000.
#include <algorithm>

#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/packed_gemv/bundle_blocks.cuh"
#include "lacuna/kernels/packed_gemv/cuda.hpp"

namespace lacuna::kernels {
namespace cuda {
namespace {

constexpr int kMaxWarps = 8;
constexpr int kRoom = 200 * 1024;  // of shared memory

struct BundleExpandArgs {
  const unsigned char* blocks;
  const std::uint16_t* starts;
  const std::uint16_t* lengths;
  const std::uint32_t* row_order;
  const RowBundles::Stream* streams;
  std::uint16_t* out;
  long long stride;
  int n_streams;
  int rows_in_bundle;
  int rows_at_once;  // of a bundle, as many as fit
};

__device__ __forceinline__ void clear(std::uint16_t* row, long long n) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (long long i = lane * 8; i < n; i += 256) *reinterpret_cast<uint4*>(row + i) = make_uint4(0, 0, 0, 0);
  __syncwarp();
}

__device__ __forceinline__ void write_row(const std::uint16_t* row, std::uint16_t* out, long long n) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (long long i = lane * 8; i < n; i += 256) {
    *reinterpret_cast<uint4*>(out + i) = *reinterpret_cast<const uint4*>(row + i);
  }
}

// Entry k of a lane's eight.
__device__ __forceinline__ std::uint16_t value_of(const uint4& values, int k) {
  const std::uint32_t word = k < 4 ? (k < 2 ? values.x : values.y) : (k < 6 ? values.z : values.w);
  return static_cast<std::uint16_t>(word >> (16 * (k % 2)));
}

template <int kGapBits>
__device__ __forceinline__ int sum_of_gaps(const unsigned char* block, int lane) {
  std::uint32_t gaps[2];
  load_gaps<kGapBits>(block, lane, gaps);
  return static_cast<int>(__dp4a(gaps[1], 0x01010101U, __dp4a(gaps[0], 0x01010101U, 0U)));
}

// Block x makes bundle x, or, where not all of its rows fit, part y of them.
template <int kGapBits>
__global__ void __launch_bounds__(kMaxWarps * 32) expand_bundles_kernel(const __grid_constant__ BundleExpandArgs args) {
  extern __shared__ __align__(16) std::uint16_t rows[];
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int bundle = static_cast<int>(blockIdx.x);
  const int first_row = static_cast<int>(blockIdx.y) * args.rows_at_once;  // of the bundle
  const int length = args.lengths[bundle];
  constexpr int kBlockBytes = bundle_block_bytes(kGapBits);
  const unsigned char* blocks = find_bundle<kGapBits>(args.blocks, args.streams, args.lengths, args.n_streams, bundle);
  for (int r = warp; r < args.rows_at_once; r += kMaxWarps) clear(rows + r * args.stride, args.stride);
  __syncthreads();
  const int share = (length + kMaxWarps - 1) / kMaxWarps;
  const int first = min(length, warp * share);
  int column = args.starts[32LL * bundle + lane];
  for (int k = 0; k < first; ++k) column += sum_of_gaps<kGapBits>(blocks + k * kBlockBytes, lane);
  const int row = lane / (32 / args.rows_in_bundle) - first_row;
  std::uint16_t* own = rows + row * args.stride;
  for (int k = first; k < min(length, first + share); ++k) {
    const unsigned char* block = blocks + k * kBlockBytes;
    const uint4 values = *reinterpret_cast<const uint4*>(block + lane * 16);
    std::uint32_t gaps[2];
    load_gaps<kGapBits>(block, lane, gaps);
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      column += static_cast<int>(gaps[e / 4] >> (e % 4 * 8) & 255U);
      const std::uint16_t value = value_of(values, e);
      const bool here = row >= 0 && row < args.rows_at_once;
      if (here && (value & 0x7fffU) != 0) own[column] = value;  // filling may lie anywhere
    }
  }
  __syncthreads();
  for (int r = warp; r < args.rows_at_once; r += kMaxWarps) {
    if (first_row + r >= args.rows_in_bundle) break;
    const std::uint32_t i = args.row_order[bundle * args.rows_in_bundle + first_row + r];
    if (i != RowBundles::kNoRow) write_row(rows + r * args.stride, args.out + i * args.stride, args.stride);
  }
}

struct TwoFourExpandArgs {
  const unsigned char* blocks;
  std::uint16_t* out;
  long long stride;
  int rows;
  int cols;
  int blocks_per_pair;
};

__global__ void __launch_bounds__(kMaxWarps * 32)
    expand_two_four_kernel(const __grid_constant__ TwoFourExpandArgs args) {
  extern __shared__ __align__(16) std::uint16_t rows[];
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warps = static_cast<int>(blockDim.x) / 32;
  std::uint16_t* own = rows + threadIdx.x / 32 * 2 * args.stride;
  const int first_column = lane / 4 * args.blocks_per_pair * TwoFour::kColumns;  // of the lane's segment
  for (int pair = static_cast<int>(blockIdx.x) * warps + static_cast<int>(threadIdx.x) / 32; 2 * pair < args.rows;
       pair += warps * static_cast<int>(gridDim.x)) {
    clear(own, 2 * args.stride);
    for (int b = 0; b < args.blocks_per_pair; ++b) {
      const unsigned char* block =
          args.blocks + (static_cast<long long>(pair) * args.blocks_per_pair + b) * TwoFour::kBlockBytes;
      const uint4 values = *reinterpret_cast<const uint4*>(block + lane * 16);
      const uint2 meta = *reinterpret_cast<const uint2*>(block + 512 + lane / 4 * 8);
#pragma unroll
      for (int k = 0; k < 8; ++k) {
        const int half = k / 4;
        const int row = k / 2 % 2;
        const std::uint32_t code = (half == 0 ? meta.x : meta.y) >> (16 * row + 4 * (lane % 4)) & 15U;
        const int column = first_column + b * TwoFour::kColumns + 16 * half + 4 * (lane % 4) +
                           static_cast<int>(k % 2 == 0 ? code & 3U : code >> 2U);
        const std::uint16_t value = value_of(values, k);
        if ((value & 0x7fffU) != 0 && column < args.cols) own[row * args.stride + column] = value;
      }
    }
    __syncwarp();
    for (int row = 0; row < 2 && 2 * pair + row < args.rows; ++row) {
      write_row(own + row * args.stride, args.out + (2 * pair + row) * args.stride, args.stride);
    }
    __syncwarp();
  }
}

template <typename Args>
void launch(void (*kernel)(Args), const Args& args, std::int64_t warp_bytes, std::int64_t jobs, cudaStream_t stream) {
  if (warp_bytes > kMaxSharedBytes) {
    throw Error(ErrorCode::invalid_argument, "packed_gemv on CUDA: too many columns to expand in shared memory");
  }
  const auto warps = static_cast<int>(std::clamp<std::int64_t>(kRoom / warp_bytes, 1, kMaxWarps));
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kMaxSharedBytes),
             "raise the shared memory limit");
  const auto blocks = static_cast<unsigned>((jobs + warps - 1) / warps);
  kernel<<<blocks, warps * 32, static_cast<std::size_t>(warps * warp_bytes), stream>>>(args);
  check_cuda(cudaGetLastError(), "launch expansion");
}

}  // namespace
}  // namespace cuda

void DeviceRowBundles::expand(void* out, std::int64_t stride, DeviceStream stream) const {
  LACUNA_ASSERT(stride >= cols_ && stride % 8 == 0);
  const auto row_bytes = stride * 2;
  const auto at_once = static_cast<int>(std::clamp<std::int64_t>(cuda::kRoom / 2 / row_bytes, 1, rows_in_bundle_));
  const cuda::BundleExpandArgs args{reinterpret_cast<const unsigned char*>(blocks_.data()),
                                    reinterpret_cast<const std::uint16_t*>(starts_.data()),
                                    reinterpret_cast<const std::uint16_t*>(lengths_.data()),
                                    reinterpret_cast<const std::uint32_t*>(row_order_.data()),
                                    reinterpret_cast<const RowBundles::Stream*>(streams_.data()),
                                    static_cast<std::uint16_t*>(out),
                                    stride,
                                    n_streams_,
                                    rows_in_bundle_,
                                    at_once};
  auto* kernel = gap_bits_ == 4   ? cuda::expand_bundles_kernel<4>
                 : gap_bits_ == 6 ? cuda::expand_bundles_kernel<6>
                                  : cuda::expand_bundles_kernel<8>;
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, cuda::kMaxSharedBytes),
             "raise the shared memory limit");
  const dim3 grid(static_cast<unsigned>((rows_ + rows_in_bundle_ - 1) / rows_in_bundle_),
                  static_cast<unsigned>((rows_in_bundle_ + at_once - 1) / at_once));
  kernel<<<grid, cuda::kMaxWarps * 32, static_cast<std::size_t>(at_once * row_bytes),
           static_cast<cudaStream_t>(stream)>>>(args);
  check_cuda(cudaGetLastError(), "launch expansion");
}

void DeviceTwoFour::expand(void* out, std::int64_t stride, DeviceStream stream) const {
  LACUNA_ASSERT(stride >= cols_ && stride % 8 == 0);
  const cuda::TwoFourExpandArgs args{reinterpret_cast<const unsigned char*>(blocks_.data()),
                                     static_cast<std::uint16_t*>(out),
                                     stride,
                                     static_cast<int>(rows_),
                                     static_cast<int>(cols_),
                                     static_cast<int>(segment_ / TwoFour::kColumns)};
  cuda::launch(cuda::expand_two_four_kernel, args, stride * 4, (rows_ + 1) / 2, static_cast<cudaStream_t>(stream));
}

}  // namespace lacuna::kernels
