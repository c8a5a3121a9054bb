// The kernel for lane streams. One block a multiprocessor; every lane copies its window of x into its own bank of
// shared memory (slot s of lane l is word 32·s + l, so 32 lanes at 32 different slots never collide); every warp then
// reads one stream of blocks through a ring of its own. All control flow is the same for the 32 lanes.
#include <algorithm>
#include <cmath>

#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/packed_gemv/cuda.hpp"
#include "lacuna/kernels/packed_gemv/lane_walk.cuh"

namespace lacuna::kernels {
namespace cuda {
namespace {

template <typename T, int kGapBits, int kStageBlocks>
__global__ void __launch_bounds__(kMaxWarps * 32, kStageBlocks == 1 ? 2 : 1)
    lane_streams_kernel(const __grid_constant__ LaneArgs args) {
  extern __shared__ __align__(128) float windows[];
  using Ring = typename Walk<T, kGapBits, kStageBlocks, false>::Ring;
  const int warps = static_cast<int>(blockDim.x) / 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int all_warps = warps * static_cast<int>(gridDim.x);
  int stream = static_cast<int>(blockIdx.x) * warps + warp;
  float* barriers = windows + args.slots * 32;
  float* rings = barriers + kBarrierBytes / 4;
  T* linear = reinterpret_cast<T*>(args.apart != 0 ? rings + warps * (Ring::kBytes / 4) : rings);
  Ring ring(shared_address(rings) + warp * Ring::kBytes, shared_address(barriers) + warp * kStages * 8);
  Walk<T, kGapBits, kStageBlocks, false> walk(args, ring, windows);
  const InputReader<T> input(args.input, args.cols);
  int blocks = 0;
  if (args.apart != 0 && stream < args.n_streams) blocks = walk.open(stream);
  let_next_grid_start();
  wait_for_previous_grids();
  const bool special = fill_windows<T>(args, input, windows, linear);
  if (args.apart == 0 && stream < args.n_streams) blocks = walk.open(stream);
  if (!special) {
    while (true) {
      if (stream < args.n_streams) walk.run(blocks);
      stream += all_warps;
      if (stream >= args.n_streams) return;
      blocks = walk.open(stream);
    }
  }
  Walk<T, kGapBits, kStageBlocks, true> careful(args, ring, windows);
  for (bool opened = true; stream < args.n_streams; stream += all_warps, opened = false) {
    if (opened) {
      careful.adopt(walk);
    } else {
      blocks = careful.open(stream);
    }
    careful.run(blocks);
  }
}

template <typename T, int kGapBits, int kStageBlocks>
void launch(LaneArgs args, int grid, int warps, Overlap overlap, cudaStream_t stream) {
  auto* kernel = lane_streams_kernel<T, kGapBits, kStageBlocks>;
  const int windows = args.slots * kSlotBytes + kBarrierBytes;
  const int rings = warps * ring_bytes(kGapBits, kStageBlocks);
  const int linear = (args.cols + 7) / 8 * 16;
  args.apart = windows + rings + linear <= kMaxSharedBytes ? 1 : 0;
  const int bytes = std::max(windows + (args.apart != 0 ? rings + linear : std::max(rings, linear)), kLeastOfTwo);
  static const cudaError_t raised =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kMaxSharedBytes);
  check_cuda(raised, "raise the shared memory limit");
  static const cudaError_t carved = prefer_shared_memory(kernel);
  check_cuda(carved, "prefer shared memory");
  launch_overlapping(kernel, args, dim3(grid), dim3(warps * 32), bytes, overlap, stream);
}

// Of shared memory, with stages of one block.
int least_bytes(int slots, int cols, int gap_bits, int warps) {
  return slots * kSlotBytes + kBarrierBytes + warps * ring_bytes(gap_bits, 1) + (cols + 7) / 8 * 16;
}

}  // namespace
}  // namespace cuda

int packed_gemv_warps(std::int64_t rows, std::int64_t cols, int multiprocessors) {
  const std::int64_t windows = (cols / LaneStreams::kLanes + 2 * LaneStreams::kSlack + 16) * cuda::kSlotBytes;
  const std::int64_t room =
      std::max<std::int64_t>((cuda::kMaxSharedBytes - cuda::kBarrierBytes - windows) / cuda::ring_bytes(8, 2), 1);
  const int most = static_cast<int>(std::min<std::int64_t>(room, cuda::kMaxWarps));
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

DeviceLaneStreams::DeviceLaneStreams(const LaneStreams& p)
    : dtype_(p.dtype),
      rows_(p.rows),
      cols_(p.cols),
      gap_bits_(p.gap_bits),
      slots_(p.slots),
      n_streams_(p.n_streams()),
      lane_base_(p.lane_base),
      blocks_(p.blocks.data(), p.blocks.size()),
      row_starts_(p.row_starts.data(), p.row_starts.size() * 4),
      row_steps_(p.row_steps.data(), p.row_steps.size() * 2),
      stream_rows_(p.stream_rows.data(), p.stream_rows.size() * 4),
      stream_blocks_(p.stream_blocks.data(), p.stream_blocks.size() * 4),
      stream_groups_(p.stream_groups.data(), p.stream_groups.size() * 4),
      bytes_(p.bytes()) {
  const auto info = device_info();
  if (!info) throw Error(ErrorCode::io_failed, "packed_gemv on CUDA: there is no device");
  // As many warps as streams were made for, where this device and its memory have room for them.
  const int per_device = (n_streams_ + info->multiprocessors - 1) / info->multiprocessors;
  const int room =
      (cuda::kMaxSharedBytes - cuda::kBarrierBytes - slots_ * cuda::kSlotBytes) / cuda::ring_bytes(gap_bits_, 2);
  warps_ = std::clamp(per_device, 1, std::min(room, cuda::kMaxWarps));
  grid_ = info->multiprocessors;
}

void DeviceLaneStreams::multiply(const ProductInput& input, const ProductOutput& output, DeviceStream stream,
                                 Overlap overlap) const {
  cuda::LaneArgs args{reinterpret_cast<const unsigned char*>(blocks_.data()),
                      reinterpret_cast<const std::uint32_t*>(row_starts_.data()),
                      reinterpret_cast<const std::uint16_t*>(row_steps_.data()),
                      reinterpret_cast<const std::uint32_t*>(stream_rows_.data()),
                      reinterpret_cast<const std::uint32_t*>(stream_blocks_.data()),
                      reinterpret_cast<const std::uint32_t*>(stream_groups_.data()),
                      input,
                      output,
                      static_cast<int>(cols_),
                      slots_,
                      n_streams_,
                      0,
                      {}};
  std::copy(lane_base_.begin(), lane_base_.end(), args.lane_base);
  auto* queue = static_cast<cudaStream_t>(stream);
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    if (overlap == Overlap::two && fits_two()) {
      if (gap_bits_ == 4) return cuda::launch<T, 4, 1>(args, grid_, warps_, overlap, queue);
      return cuda::launch<T, 8, 1>(args, grid_, warps_, overlap, queue);
    }
    if (gap_bits_ == 4) return cuda::launch<T, 4, 2>(args, grid_, warps_, overlap, queue);
    cuda::launch<T, 8, 2>(args, grid_, warps_, overlap, queue);
  };
  if (dtype_ == DType::f16) return run(__half());
  run(__nv_bfloat16());
}

bool DeviceLaneStreams::fits_two() const {
  return cuda::least_bytes(slots_, static_cast<int>(cols_), gap_bits_, warps_) <= cuda::kMostOfTwo;
}

}  // namespace lacuna::kernels
