// The kernel for row bundles. A block a multiprocessor: x lies in its shared memory once, as it is, and every warp
// reads one stream of blocks through a ring of its own. All control flow is the same for the 32 lanes.
#include <algorithm>
#include <bit>
#include <type_traits>

#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/device/staged_input.cuh"
#include "lacuna/kernels/device/threshold.cuh"
#include "lacuna/kernels/packed_gemv/bundle_walk.cuh"
#include "lacuna/kernels/packed_gemv/cuda.hpp"

namespace lacuna::kernels {
namespace cuda {
namespace {

// Barriers of the rings and one of the input, then the input, then the rings.
constexpr int kBarrierBytes = (RowBundles::kMostWarps * kBundleStages * 8 + 8 + 127) / 128 * 128;

constexpr int input_bytes(int cols) { return (cols * 2 + 16 + 127) / 128 * 128; }

constexpr int shared_bytes(int cols, int gap_bits, int warps) {
  return kBarrierBytes + input_bytes(cols) + warps * kBundleStages * bundle_block_bytes(gap_bits);
}
static_assert(shared_bytes(RowBundles::kMostColumns, 8, RowBundles::kMostWarps) <= kMaxSharedBytes);

template <typename T, int kGapBits, bool kBulk>
__global__ void __launch_bounds__(RowBundles::kMostWarps * 32, 2)
    row_bundles_kernel(const __grid_constant__ BundleArgs args) {
  extern __shared__ __align__(128) unsigned char shared[];
  using Walk = BundleWalk<T, kGapBits>;
  const int warp = own_warp();
  const int stream = warp * static_cast<int>(gridDim.x) + static_cast<int>(blockIdx.x);
  const unsigned barriers = shared_address(shared);
  T* x = reinterpret_cast<T*>(shared + kBarrierBytes);
  const unsigned rings = barriers + kBarrierBytes + (args.cols * 2 + 16 + 127) / 128 * 128;
  const StagedInput<T, kBulk> input(args.input, args.cols, x, barriers + RowBundles::kMostWarps * kBundleStages * 8);
  if (!args.overlaps) input.start();
  Walk walk(args, stream, shared_address(x));
  typename Walk::Ring ring(rings + warp * Walk::Ring::kBytes, barriers + warp * kBundleStages * 8);
  walk.open(ring);
  __syncthreads();
  let_next_grid_start();
  wait_for_previous_grids();
  if (args.overlaps) input.start();
  input.finish();
  zero_below(x, args.cols, args.input.threshold);
  walk.run(ring);
}

template <typename T, int kGapBits, bool kBulk>
void launch(const BundleArgs& args, int grid, int warps, Overlap overlap, cudaStream_t stream) {
  auto* kernel = row_bundles_kernel<T, kGapBits, kBulk>;
  const int bytes = std::max(shared_bytes(args.cols, kGapBits, warps), kLeastOfTwo);
  static const cudaError_t raised =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kMaxSharedBytes);
  check_cuda(raised, "raise the shared memory limit");
  static const cudaError_t carved = prefer_shared_memory(kernel);
  check_cuda(carved, "prefer shared memory");
  launch_overlapping(kernel, args, dim3(grid), dim3(warps * 32), bytes, overlap, stream);
}

}  // namespace
}  // namespace cuda

DeviceRowBundles::DeviceRowBundles(const RowBundles& p)
    : dtype_(p.dtype),
      rows_(p.rows),
      cols_(p.cols),
      gap_bits_(p.gap_bits),
      rows_in_bundle_(p.rows_in_bundle),
      n_streams_(p.n_streams()),
      multiprocessors_(p.multiprocessors),
      blocks_(p.blocks.data(), p.blocks.size()),
      starts_(p.starts.data(), p.starts.size() * 2),
      lengths_(p.lengths.data(), p.lengths.size() * 2),
      row_order_(p.row_order.data(), p.row_order.size() * 4),
      streams_(p.streams.data(), p.streams.size() * sizeof(RowBundles::Stream)),
      bytes_(p.bytes()) {
  if (!device_info()) throw Error(ErrorCode::io_failed, "packed_gemv on CUDA: there is no device");
}

void DeviceRowBundles::multiply(const ProductInput& input, const ProductOutput& output, DeviceStream stream,
                                Overlap overlap) const {
  if (output.kind == OutputKind::gate && (rows_in_bundle_ == 1 || rows_ % 2 != 0)) {
    throw Error(ErrorCode::invalid_argument,
                "packed_gemv on CUDA: a gate needs pairs of rows, in row bundles of pairs");
  }
  const cuda::BundleArgs args{reinterpret_cast<const unsigned char*>(blocks_.data()),
                              reinterpret_cast<const std::uint16_t*>(starts_.data()),
                              reinterpret_cast<const std::uint16_t*>(lengths_.data()),
                              reinterpret_cast<const std::uint32_t*>(row_order_.data()),
                              reinterpret_cast<const RowBundles::Stream*>(streams_.data()),
                              input,
                              output,
                              static_cast<int>(cols_),
                              static_cast<int>((rows_ + rows_in_bundle_ - 1) / rows_in_bundle_),
                              n_streams_,
                              RowBundles::kLanes / rows_in_bundle_,
                              std::countr_zero(static_cast<unsigned>(RowBundles::kLanes / rows_in_bundle_)),
                              overlap != Overlap::none};
  // A block for every multiprocessor, also where some have nothing to do: overlapping launches must fill all alike.
  const int warps = (n_streams_ + multiprocessors_ - 1) / multiprocessors_;
  auto* queue = static_cast<cudaStream_t>(stream);
  const auto run = [&](auto zero, auto bulk) {
    using T = decltype(zero);
    constexpr bool kBulk = decltype(bulk)::value;
    if (gap_bits_ == 4) return cuda::launch<T, 4, kBulk>(args, multiprocessors_, warps, overlap, queue);
    if (gap_bits_ == 6) return cuda::launch<T, 6, kBulk>(args, multiprocessors_, warps, overlap, queue);
    cuda::launch<T, 8, kBulk>(args, multiprocessors_, warps, overlap, queue);
  };
  const auto run_type = [&](auto zero) {
    cuda::comes_in_bulk(input, cols_) ? run(zero, std::true_type()) : run(zero, std::false_type());
  };
  if (dtype_ == DType::f16) return run_type(__half());
  run_type(__nv_bfloat16());
}

bool DeviceRowBundles::fits_two() const {
  return cuda::shared_bytes(static_cast<int>(cols_), gap_bits_,
                            (n_streams_ + multiprocessors_ - 1) / multiprocessors_) <= cuda::kMostOfTwo;
}

}  // namespace lacuna::kernels
