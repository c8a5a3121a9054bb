// Packed weights as dense rows again, on the device: what products of many tokens read (gemm/cuda.hpp). A warp builds a
// row, or a pair of rows, in shared memory and writes it from there.
//
// Budget, 50 % of a 4096-column row in lane streams: 65 entries a lane at about 15 instructions, 1000 a row and warp,
// as long as writing 8 KiB at 3 TB/s takes a device of 132·4 schedulers.
#include <algorithm>

#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/packed_gemv/cuda.hpp"

namespace lacuna::kernels {
namespace cuda {
namespace {

constexpr int kMaxWarps = 8;
constexpr int kRoom = 200 * 1024;  // of shared memory

struct LaneExpandArgs {
  const unsigned char* blocks;
  const std::uint32_t* row_starts;
  const std::uint16_t* row_steps;
  const std::uint32_t* stream_rows;
  const std::uint32_t* stream_blocks;
  const std::uint32_t* stream_groups;
  std::uint16_t* out;
  long long stride;
  int n_streams;
  std::int32_t lane_base[LaneStreams::kLanes];
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
__global__ void __launch_bounds__(kMaxWarps * 32) expand_lanes_kernel(const __grid_constant__ LaneExpandArgs args) {
  extern __shared__ __align__(16) std::uint16_t rows[];
  constexpr int kBlockBytes = 512 + 32 * kGapBits;
  constexpr int kStep = kGapBits == 4 ? 4 : 2;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warps = static_cast<int>(blockDim.x) / 32;
  std::uint16_t* own = rows + threadIdx.x / 32 * args.stride;
  const int base = args.lane_base[lane];
  for (int stream = static_cast<int>(blockIdx.x) * warps + static_cast<int>(threadIdx.x) / 32; stream < args.n_streams;
       stream += warps * static_cast<int>(gridDim.x)) {
    const unsigned char* block = args.blocks + static_cast<long long>(args.stream_blocks[stream]) * kBlockBytes;
    const int first = static_cast<int>(args.stream_rows[stream]);
    const int last = static_cast<int>(args.stream_rows[stream + 1]);
    const int group = static_cast<int>(args.stream_groups[stream]);
    uint4 values = make_uint4(0, 0, 0, 0);
    unsigned long long gaps = 0;
    int k = 8;  // entries used of the block at hand
    for (int row = first; row < last; ++row) {
      const int of_stream = row - first;
      const int g = group + of_stream / 4;
      int column = base + static_cast<int>(args.row_starts[32 * g + lane] >> (8 * (of_stream % 4)) & 255U);
      clear(own, args.stride);
      for (int left = args.row_steps[4 * g + of_stream % 4] * kStep; left > 0; --left) {
        if (k == 8) {
          values = *reinterpret_cast<const uint4*>(block + lane * 16);
          if constexpr (kGapBits == 4) {
            gaps = *reinterpret_cast<const std::uint32_t*>(block + 512 + lane * 4);
          } else {
            gaps = *reinterpret_cast<const unsigned long long*>(block + 512 + lane * 8);
          }
          block += kBlockBytes;
          k = 0;
        }
        column += static_cast<int>(gaps & ((1U << kGapBits) - 1U));
        gaps >>= kGapBits;
        const std::uint16_t value = value_of(values, k++);
        if ((value & 0x7fffU) != 0) own[column] = value;  // filling may lie anywhere
      }
      __syncwarp();
      write_row(own, args.out + row * args.stride, args.stride);
      __syncwarp();
    }
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
  const auto warps = static_cast<int>(std::clamp<std::int64_t>(kRoom / warp_bytes, 1, kMaxWarps));
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kMaxSharedBytes),
             "raise the shared memory limit");
  const auto blocks = static_cast<unsigned>((jobs + warps - 1) / warps);
  kernel<<<blocks, warps * 32, static_cast<std::size_t>(warps * warp_bytes), stream>>>(args);
  check_cuda(cudaGetLastError(), "launch expansion");
}

}  // namespace
}  // namespace cuda

void DeviceLaneStreams::expand(void* out, std::int64_t stride, DeviceStream stream) const {
  LACUNA_ASSERT(stride >= cols_ && stride % 8 == 0);
  cuda::LaneExpandArgs args{reinterpret_cast<const unsigned char*>(blocks_.data()),
                            reinterpret_cast<const std::uint32_t*>(row_starts_.data()),
                            reinterpret_cast<const std::uint16_t*>(row_steps_.data()),
                            reinterpret_cast<const std::uint32_t*>(stream_rows_.data()),
                            reinterpret_cast<const std::uint32_t*>(stream_blocks_.data()),
                            reinterpret_cast<const std::uint32_t*>(stream_groups_.data()),
                            static_cast<std::uint16_t*>(out),
                            stride,
                            n_streams_,
                            {}};
  std::copy(lane_base_.begin(), lane_base_.end(), args.lane_base);
  auto* kernel = gap_bits_ == 4 ? cuda::expand_lanes_kernel<4> : cuda::expand_lanes_kernel<8>;
  cuda::launch(kernel, args, stride * 2, n_streams_, static_cast<cudaStream_t>(stream));
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
