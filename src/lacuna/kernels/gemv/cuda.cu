// The kernel for dense weights. One block a multiprocessor; x lies in shared memory once; every warp takes consecutive
// rows, hence consecutive bytes, through a ring of its own (device/bulk_ring.cuh).
//
// Two blocks fit on a multiprocessor, three do not. In a chain of overlapping launches the block of the next launch
// thus waits there with full rings, and when this launch ends the one after the next comes and fills its rings in the
// gap between the two.
#include <algorithm>
#include <cmath>

#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/device/ends.cuh"
#include "lacuna/kernels/gemv/cuda.hpp"

namespace lacuna::kernels {
namespace cuda {
namespace {

constexpr int kChunkColumns = 256;  // 8 of each lane
constexpr int kChunkBytes = 512;
constexpr int kStages = 4;
constexpr int kMaxWarps = 16;
// Chunks of a stage: 2, or 4 where a block has a multiprocessor to itself.
constexpr int warp_bytes(int stage_chunks) { return kStages * (stage_chunks * kChunkBytes + 8); }

struct DenseArgs {
  const unsigned char* weights;
  ProductInput input;
  ProductOutput output;
  int rows;
  int cols;
  int chunks;        // of a row
  int row_multiple;  // rows that a warp takes together
  bool overlaps;
};

template <typename T>
__device__ __forceinline__ float dot(const uint4& w, const uint4& x, float sum) {
  const std::uint32_t a[4] = {w.x, w.y, w.z, w.w};
  const std::uint32_t b[4] = {x.x, x.y, x.z, x.w};
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    const float2 p = pair_to_f32<T>(a[k]);
    const float2 q = pair_to_f32<T>(b[k]);
    sum = fmaf(p.x, q.x, sum);
    sum = fmaf(p.y, q.y, sum);
  }
  return sum;
}

template <typename T, int kStageChunks>
__global__ void __launch_bounds__(kMaxWarps * 32, kStageChunks == 2 ? 2 : 1)
    dense_gemv_kernel(const __grid_constant__ DenseArgs args) {
  using Ring = WarpRing<kStageChunks * kChunkBytes, kStages>;
  extern __shared__ __align__(128) unsigned char shared[];
  T* x = reinterpret_cast<T*>(shared);
  const int lane = threadIdx.x % 32;
  const int own = own_warp();
  const int warps = static_cast<int>(blockDim.x) / 32;
  const long long warp = static_cast<long long>(blockIdx.x) * warps + own;
  const long long all_warps = static_cast<long long>(warps) * gridDim.x;
  const int parts = args.rows / args.row_multiple;
  int row = static_cast<int>(parts * warp / all_warps) * args.row_multiple;
  const int row_end = static_cast<int>(parts * (warp + 1) / all_warps) * args.row_multiple;
  const int n_chunks = (row_end - row) * args.chunks;

  InputReader<T> input(args.input, args.cols);
  if (!args.overlaps) input.fetch(args.chunks * kChunkColumns);
  const unsigned rings = shared_address(shared) + args.chunks * kChunkBytes;
  Ring ring(rings + own * Ring::kBytes, rings + warps * Ring::kBytes + own * kStages * 8);
  ring.open(args.weights + static_cast<long long>(row) * args.chunks * kChunkBytes, n_chunks * kChunkBytes);
  let_next_grid_start();
  wait_for_previous_grids();
  input.stage(x, args.chunks * kChunkColumns);
  __syncthreads();

  const T* own_x = x + lane * 8;
  RowStore<T> store;
  int chunk = 0;
  float sum = 0.0F;
  for (int left = n_chunks; left > 0; left -= kStageChunks) {
    const unsigned stage = ring.wait();
    uint4 w[kStageChunks];
#pragma unroll
    for (int k = 0; k < kStageChunks; ++k) w[k] = load_shared_16(stage + k * kChunkBytes + lane * 16);
    std::uint32_t read = 0;
#pragma unroll
    for (const uint4& octet : w) read ^= octet.x;
    ring.advance(read);
#pragma unroll
    for (int k = 0; k < kStageChunks; ++k) {
      if (k >= left) break;
      sum = dot<T>(w[k], *reinterpret_cast<const uint4*>(own_x + chunk * kChunkColumns), sum);
      if (++chunk < args.chunks) continue;
#pragma unroll
      for (int d = 16; d > 0; d /= 2) sum += __shfl_xor_sync(~0U, sum, d);
      if (lane == 0) store.put(args.output, row, sum);
      ++row;
      chunk = 0;
      sum = 0.0F;
    }
  }
}

template <typename T, int kStageChunks>
void launch(const DenseArgs& args, int grid, int warps, Overlap overlap, cudaStream_t stream) {
  auto* kernel = dense_gemv_kernel<T, kStageChunks>;
  static const cudaError_t raised =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kMaxSharedBytes);
  check_cuda(raised, "raise the shared memory limit");
  static const cudaError_t carved = prefer_shared_memory(kernel);
  check_cuda(carved, "prefer shared memory");
  const int bytes = std::max(args.chunks * kChunkBytes + warps * warp_bytes(kStageChunks), kLeastOfTwo);
  launch_overlapping(kernel, args, dim3(grid), dim3(warps * 32), bytes, overlap, stream);
}

// As many warps as fit, or a few less where the rows then fall to them more evenly.
int choose_warps(std::int64_t rows, int most, int multiprocessors) {
  int best = most;
  double least = 1e300;
  for (int warps = most; warps >= std::max(most - 4, 1); --warps) {
    const double share = static_cast<double>(rows) / multiprocessors / warps;
    const double waste = std::ceil(share - 0.02) / share;
    if (waste < least - 0.01) {
      least = waste;
      best = warps;
    }
  }
  return best;
}

}  // namespace
}  // namespace cuda

DeviceDense::DeviceDense(DType dtype, std::int64_t rows, std::int64_t cols, int row_multiple)
    : dtype_(dtype), rows_(rows), cols_(cols), row_multiple_(row_multiple) {
  if ((dtype != DType::f16 && dtype != DType::bf16) || rows < 1 || cols < 1 || rows >= (1 << 28) || row_multiple < 1 ||
      rows % row_multiple != 0) {
    throw Error(ErrorCode::invalid_argument, "dense product on CUDA: need a non-empty f16 or bf16 matrix");
  }
  stride_ = (cols + cuda::kChunkColumns - 1) / cuda::kChunkColumns * cuda::kChunkColumns;
  const std::int64_t room = (cuda::kMaxSharedBytes - stride_ * 2) / cuda::warp_bytes(4);
  if (room < 4) throw Error(ErrorCode::invalid_argument, "dense product on CUDA: too many columns for shared memory");
  const auto info = device_info();
  if (!info) throw Error(ErrorCode::io_failed, "dense product on CUDA: there is no device");
  const int most = static_cast<int>(std::min<std::int64_t>(room, cuda::kMaxWarps));
  warps_ = cuda::choose_warps(rows / row_multiple, most, info->multiprocessors);
  grid_ = info->multiprocessors;
  weights_ = DeviceBuffer(static_cast<std::size_t>(rows * stride_) * 2);
  weights_.fill(0);
}

void DeviceDense::upload(std::int64_t first_row, MatrixView<const std::uint16_t> rows, std::int64_t step) {
  LACUNA_ASSERT(rows.cols == cols_ && first_row >= 0 && first_row + (rows.rows - 1) * step < rows_);
  const auto pitch = static_cast<std::size_t>(stride_) * 2;
  check_cuda(
      cudaMemcpy2D(weights_.data() + static_cast<std::size_t>(first_row) * pitch,
                   pitch * static_cast<std::size_t>(step), rows.data, static_cast<std::size_t>(rows.row_stride) * 2,
                   static_cast<std::size_t>(cols_) * 2, static_cast<std::size_t>(rows.rows), cudaMemcpyHostToDevice),
      "copy weights to the device");
}

void DeviceDense::multiply(const ProductInput& input, const ProductOutput& output, DeviceStream stream,
                           Overlap overlap) const {
  LACUNA_ASSERT(output.kind != OutputKind::gate || row_multiple_ % 2 == 0);
  const cuda::DenseArgs args{reinterpret_cast<const unsigned char*>(weights_.data()),
                             input,
                             output,
                             static_cast<int>(rows_),
                             static_cast<int>(cols_),
                             static_cast<int>(stride_ / cuda::kChunkColumns),
                             row_multiple_,
                             overlap != Overlap::none};
  auto* queue = static_cast<cudaStream_t>(stream);
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    const bool few = overlap == Overlap::none || (overlap == Overlap::two && fits_two());
    if (few) return cuda::launch<T, 2>(args, grid_, warps_, overlap, queue);
    cuda::launch<T, 4>(args, grid_, warps_, overlap, queue);
  };
  if (dtype_ == DType::f16) return run(__half());
  run(__nv_bfloat16());
}

bool DeviceDense::fits_two() const { return stride_ * 2 + warps_ * cuda::warp_bytes(2) <= cuda::kMostOfTwo; }

}  // namespace lacuna::kernels
