// The kernel of cuda.hpp for devices that wgmma_kernel.cuh is not for. A block owns 128 tokens × 128 rows of W and goes
// through their columns, 64 at a time, in three stages of shared memory; each of its 8 warps owns 64 × 32 of the sums
// and multiplies 16×16 pieces on tensor cores. Blocks of the same rows follow each other, so that these weights come
// from L2.
//
// In shared memory, 16 bytes make an octet; octet o of line l lies at place o ^ (l % 8), so that the eight lines that
// ldmatrix reads at once lie in different banks. Lines are tokens or rows of W, of 64 columns, or, for weights by
// columns, columns of 128 rows, which come transposed out of shared memory.
#include <string>

#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/device/tensor_core.cuh"
#include "lacuna/kernels/gemm/arguments.cuh"
#include "lacuna/kernels/gemm/cuda.hpp"
#include "lacuna/kernels/gemm/wgmma.cuh"

namespace lacuna::kernels {
namespace cuda {
namespace {

constexpr int kTile = 128;  // tokens, and rows of W
constexpr int kDepth = 64;  // columns of a stage
constexpr int kStages = 3;
constexpr int kThreads = 256;
constexpr int kTileBytes = kTile * kDepth * 2;
constexpr int kStageBytes = 2 * kTileBytes;
constexpr int kWarpTokens = 64;
constexpr int kWarpRows = 32;

__device__ __forceinline__ unsigned place(unsigned tile, int line, int line_bytes, int octet) {
  return tile + line * line_bytes + ((octet ^ (line & 7)) * 16);
}

// A thread's part of the tiles of one operand, stage after stage: kCopies octets, kApart lines apart, of lines of
// kLineBytes. What does not change from stage to stage is worked out once.
template <typename T, int kLineBytes>
class TileReader {
 public:
  static constexpr int kOctets = kLineBytes / 16;
  static constexpr int kApart = kThreads / kOctets;  // a multiple of 8
  static constexpr int kCopies = kTileBytes / 16 / kThreads;

  // Lines are tokens or rows, and a stage is 64 columns further on in each.
  __device__ __forceinline__ static TileReader along_lines(const T* from, long long stride, int first_line, int n_lines,
                                                           int cols) {
    TileReader reader(from, stride);
    reader.next_ = from + (first_line + reader.line_) * stride + reader.octet_ * 8;
    reader.per_stage_ = kDepth;
#pragma unroll
    for (int k = 0; k < kCopies; ++k) {
      reader.last_[k] = first_line + reader.line_ + k * kApart < n_lines ? cols - reader.octet_ * 8 : 0;
    }
    return reader;
  }
  // Lines are columns, and a stage is 64 lines further on.
  __device__ __forceinline__ static TileReader across_lines(const T* from, long long stride, int first_row, int n_rows,
                                                            int cols) {
    TileReader reader(from, stride);
    reader.next_ = from + reader.line_ * stride + first_row + reader.octet_ * 8;
    reader.per_stage_ = kDepth * stride;
#pragma unroll
    for (int k = 0; k < kCopies; ++k) {
      reader.last_[k] = first_row + reader.octet_ * 8 < n_rows ? cols - reader.line_ - k * kApart : 0;
    }
    return reader;
  }

  // The columns from `column` on; every call takes the next stage.
  __device__ __forceinline__ void fetch(int column, unsigned tile) {
    const unsigned to = place(tile, line_, kLineBytes, octet_);
#pragma unroll
    for (int k = 0; k < kCopies; ++k) {
      const bool valid = column < last_[k];
      copy_16(to + k * kApart * kLineBytes, valid ? next_ + k * apart_ : from_, valid);
    }
    next_ += per_stage_;
  }

 private:
  __device__ __forceinline__ TileReader(const T* from, long long stride)
      : from_(from),
        apart_(kApart * stride),
        line_(static_cast<int>(threadIdx.x) / kOctets),
        octet_(static_cast<int>(threadIdx.x) % kOctets) {}

  const T* from_;
  const T* next_ = nullptr;
  long long apart_;  // elements between two octets
  long long per_stage_ = 0;
  int line_;
  int octet_;
  int last_[kCopies];  // a copy is valid for columns below
};

template <typename T, bool kColumns>
__device__ __forceinline__ auto weight_reader(const GemmArgs& args, int first_row) {
  const T* w = static_cast<const T*>(args.w);
  if constexpr (kColumns) {
    return TileReader<T, kTile * 2>::across_lines(w, args.w_stride, first_row, args.rows, args.cols);
  } else {
    return TileReader<T, kDepth * 2>::along_lines(w, args.w_stride, first_row, args.rows, args.cols);
  }
}

// B of two neighbouring groups of 8 rows, from row `row` of the tile on, and 16 columns from `column` on.
template <bool kColumns>
__device__ __forceinline__ void load_weights(unsigned tile, int row, int column, std::uint32_t (&b)[4]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if constexpr (kColumns) {
    load_transposed_matrices(place(tile, column + lane % 16, kTile * 2, row / 8 + lane / 16), b);
  } else {
    load_matrices(place(tile, row + lane % 8 + lane / 16 * 8, kDepth * 2, column / 8 + lane / 8 % 2), b);
  }
}

using Sums = float[kWarpTokens / 16][kWarpRows / 8][4];

template <typename T, bool kColumns>
__device__ __forceinline__ void multiply_stage(unsigned stage, int token, int row, Sums& sums) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int column = 0; column < kDepth; column += 16) {
    std::uint32_t b[kWarpRows / 16][4];
#pragma unroll
    for (int n = 0; n < kWarpRows / 16; ++n) {
      load_weights<kColumns>(stage + kTileBytes, row + n * 16, column, b[n]);
    }
#pragma unroll
    for (int m = 0; m < kWarpTokens / 16; ++m) {
      std::uint32_t a[4];
      load_matrices(place(stage, token + m * 16 + lane % 16, kDepth * 2, column / 8 + lane / 16), a);
#pragma unroll
      for (int n = 0; n < kWarpRows / 8; ++n) {
        multiply_add<T>(sums[m][n], a, b[n / 2][n % 2 * 2], b[n / 2][n % 2 * 2 + 1]);
      }
    }
  }
}

template <typename T, bool kColumns>
__global__ void __launch_bounds__(kThreads, 2) gemm_kernel(const __grid_constant__ GemmArgs args) {
  extern __shared__ __align__(128) unsigned char shared[];
  const unsigned stages = shared_address(shared);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int first_token = static_cast<int>(blockIdx.x) * kTile;
  const int first_row = static_cast<int>(blockIdx.y) * kTile;
  const int token = warp % (kTile / kWarpTokens) * kWarpTokens;
  const int row = warp / (kTile / kWarpTokens) * kWarpRows;
  Sums sums = {};
  auto inputs = TileReader<T, kDepth * 2>::along_lines(static_cast<const T*>(args.x), args.x_stride, first_token,
                                                       args.tokens, args.cols);
  auto weights = weight_reader<T, kColumns>(args, first_row);
  const auto fetch = [&](int from_column, int to_stage) {
    if (from_column < args.cols) {
      inputs.fetch(from_column, stages + to_stage * kStageBytes);
      weights.fetch(from_column, stages + to_stage * kStageBytes + kTileBytes);
    }
    end_copies();
  };
#pragma unroll
  for (int s = 0; s < kStages - 1; ++s) fetch(s * kDepth, s);
  int stage = 0;
  for (int column = 0; column < args.cols; column += kDepth) {
    wait_for_copies<kStages - 2>();
    __syncthreads();  // the stage is there for all, and all have left the one before it
    const int next = stage == 0 ? kStages - 1 : stage - 1;
    fetch(column + (kStages - 1) * kDepth, next);
    multiply_stage<T, kColumns>(stages + stage * kStageBytes, token, row, sums);
    stage = stage + 1 == kStages ? 0 : stage + 1;
  }
#pragma unroll
  for (int m = 0; m < kWarpTokens / 16; ++m) {
#pragma unroll
    for (int n = 0; n < kWarpRows / 8; ++n) {
      const int of_token = first_token + token + m * 16 + lane / 4;
      const int of_row = first_row + row + n * 8 + lane % 4 * 2;
      store_two<T>(args, of_token, of_row, sums[m][n][0], sums[m][n][1]);
      store_two<T>(args, of_token + 8, of_row, sums[m][n][2], sums[m][n][3]);
    }
  }
}

void require(bool condition, const char* what) {
  if (!condition) throw Error(ErrorCode::invalid_argument, std::string("gemm on CUDA: ") + what);
}

bool is_aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; }

template <typename T, bool kColumns>
void launch(const GemmArgs& args, cudaStream_t stream) {
  auto* kernel = gemm_kernel<T, kColumns>;
  static const cudaError_t raised =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kStages * kStageBytes);
  check_cuda(raised, "raise the shared memory limit");
  const dim3 grid(static_cast<unsigned>((args.tokens + kTile - 1) / kTile),
                  static_cast<unsigned>((args.rows + kTile - 1) / kTile));
  kernel<<<grid, kThreads, kStages * kStageBytes, stream>>>(args);
  check_cuda(cudaGetLastError(), "launch gemm");
}

}  // namespace
}  // namespace cuda

void gemm_cuda(const GemmWeights& w, const GemmInput& input, const ProductOutput& output, std::int64_t y_stride,
               DeviceStream stream) {
  using cuda::require;
  require(w.dtype == DType::f16 || w.dtype == DType::bf16, "the type must be f16 or bf16");
  constexpr std::int64_t kMostRows = std::int64_t{65535} * cuda::kTile;  // of a grid's second dimension
  require(w.rows > 0 && w.cols > 0 && w.rows <= kMostRows && w.cols < (1 << 28) && input.tokens > 0 &&
              input.tokens < (1 << 24),
          "the shape must be at least 1 and fit");
  require(w.stride % 8 == 0 && input.stride % 8 == 0 && cuda::is_aligned(w.w) && cuda::is_aligned(input.x),
          "weights and inputs must be aligned to 16 bytes");
  require(w.stride >= (w.columns ? w.rows : w.cols) && input.stride >= w.cols, "a stride is too short");
  require(output.kind != OutputKind::gate || w.rows % 2 == 0, "gates need pairs of rows");
  require(y_stride >= (output.kind == OutputKind::gate ? w.rows / 2 : w.rows), "the outputs' stride is too short");
  const cuda::GemmArgs args{input.x,
                            w.w,
                            output,
                            input.stride,
                            w.stride,
                            y_stride,
                            static_cast<int>(input.tokens),
                            static_cast<int>(w.rows),
                            static_cast<int>(w.cols)};
  auto* queue = static_cast<cudaStream_t>(stream);
  if (cuda::launch_wgmma(args, w.dtype, w.columns, queue)) return;
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    w.columns ? cuda::launch<T, true>(args, queue) : cuda::launch<T, false>(args, queue);
  };
  if (w.dtype == DType::f16) return run(__half());
  run(__nv_bfloat16());
}

}  // namespace lacuna::kernels
