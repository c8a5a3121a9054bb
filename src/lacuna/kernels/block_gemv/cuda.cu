// The kernel for block bundles. A block a multiprocessor: x lies in its shared memory once, under the order of the
// columns, and every warp reads one stream of steps through a ring of its own. All control flow is the same for the 32
// lanes.
#include <algorithm>
#include <bit>
#include <string>
#include <type_traits>
#include <vector>

#include "lacuna/kernels/block_gemv/block_walk.cuh"
#include "lacuna/kernels/block_gemv/cuda.hpp"
#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/device/staged_input.cuh"
#include "lacuna/kernels/device/threshold.cuh"

namespace lacuna::kernels {
namespace cuda {
namespace {

// Barriers of the rings and one of the input, then the input, then the rings.
constexpr int kBarrierBytes = (BlockBundles::kMostWarps * kBlockStages * 8 + 8 + 127) / 128 * 128;

constexpr __host__ __device__ int input_bytes(int blocks) { return ((blocks + 1) * 16 + 127) / 128 * 128; }

constexpr int shared_bytes(int blocks, int warps) {
  return kBarrierBytes + input_bytes(blocks) + warps * kBlockStages * BlockBundles::kStepBytes;
}
static_assert(shared_bytes(BlockBundles::kMostBlocks, BlockBundles::kMostWarps) <= kMaxSharedBytes);

enum class Way { bulk, staged, gathered };  // of the input to shared memory

template <typename T, Way kWay>
__global__ void __launch_bounds__(BlockBundles::kMostWarps * 32, 2)
    block_bundles_kernel(const __grid_constant__ BlockArgs args) {
  extern __shared__ __align__(128) unsigned char shared[];
  using Walk = BlockWalk<T>;
  const int warp = own_warp();
  const int stream = warp * static_cast<int>(gridDim.x) + static_cast<int>(blockIdx.x);
  const unsigned barriers = shared_address(shared);
  T* x = reinterpret_cast<T*>(shared + kBarrierBytes);
  const unsigned rings = barriers + kBarrierBytes + input_bytes(args.blocks);
  const StagedInput<T, kWay == Way::bulk> input(args.input, args.cols, x,
                                                barriers + BlockBundles::kMostWarps * kBlockStages * 8);
  if (kWay == Way::bulk && !args.overlaps) input.start();
  Walk walk(args, stream, shared_address(x));
  typename Walk::Ring ring(rings + warp * Walk::Ring::kBytes, barriers + warp * kBlockStages * 8);
  walk.open(ring);
  __syncthreads();
  let_next_grid_start();
  wait_for_previous_grids();
  if (kWay == Way::bulk && args.overlaps) input.start();
  if (kWay == Way::gathered) {
    gather_input(args, x);
    __syncthreads();
  } else {
    input.finish();
  }
  zero_below(x, args.cols, args.input.threshold);
  end_input(args, x);
  walk.run(ring);
}

template <typename T, Way kWay>
void launch(const BlockArgs& args, int grid, int warps, Overlap overlap, cudaStream_t stream) {
  auto* kernel = block_bundles_kernel<T, kWay>;
  const int bytes = std::max(shared_bytes(args.blocks, warps), kLeastOfTwo);
  static const cudaError_t raised =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kMaxSharedBytes);
  check_cuda(raised, "raise the shared memory limit");
  static const cudaError_t carved = prefer_shared_memory(kernel);
  check_cuda(carved, "prefer shared memory");
  launch_overlapping(kernel, args, dim3(grid), dim3(warps * 32), bytes, overlap, stream);
}

void require(bool condition, const char* what) {
  if (!condition) throw Error(ErrorCode::invalid_argument, std::string("block_gemv on CUDA: ") + what);
}

DeviceBuffer upload_order(std::span<const std::int64_t> order, std::int64_t cols) {
  if (order.empty()) return {};
  require(static_cast<std::int64_t>(order.size()) == cols, "an order must have as many columns as the matrix");
  std::vector<std::uint16_t> narrow;
  narrow.reserve(order.size());
  for (const std::int64_t c : order) {
    require(c >= 0 && c < cols, "an order must name the matrix's columns");
    narrow.push_back(static_cast<std::uint16_t>(c));
  }
  return {narrow.data(), narrow.size() * 2};
}

}  // namespace
}  // namespace cuda

DeviceBlockBundles::DeviceBlockBundles(const BlockBundles& p, std::int64_t cols, std::span<const std::int64_t> order)
    : dtype_(p.dtype),
      rows_(p.rows),
      cols_(cols),
      blocks_(static_cast<int>(p.blocks)),
      rows_in_bundle_(p.rows_in_bundle),
      n_bundles_(static_cast<int>(p.n_bundles())),
      n_streams_(p.n_streams()),
      multiprocessors_(p.multiprocessors),
      bytes_(p.bytes() + order.size() * 2) {
  cuda::require((cols + kBlockFeatures - 1) / kBlockFeatures == p.blocks, "the columns must fill the last block");
  if (!device_info()) throw Error(ErrorCode::io_failed, "block_gemv on CUDA: there is no device");
  steps_ = {p.steps.data(), p.steps.size()};
  starts_ = {p.starts.data(), p.starts.size() * 2};
  lengths_ = {p.lengths.data(), p.lengths.size() * 2};
  row_order_ = {p.row_order.data(), p.row_order.size() * 4};
  streams_ = {p.streams.data(), p.streams.size() * sizeof(BlockBundles::Stream)};
  order_ = cuda::upload_order(order, cols);
}

void DeviceBlockBundles::multiply(const ProductInput& input, const ProductOutput& output, DeviceStream stream,
                                  Overlap overlap) const {
  const bool ordered = order_.bytes() != 0;
  cuda::require(output.kind != OutputKind::gate, "there is no gate");
  cuda::require(!ordered || input.kind == InputKind::plain, "under an order of the columns an input must be plain");
  const cuda::BlockArgs args{reinterpret_cast<const unsigned char*>(steps_.data()),
                             reinterpret_cast<const std::int16_t*>(starts_.data()),
                             reinterpret_cast<const std::uint16_t*>(lengths_.data()),
                             reinterpret_cast<const std::uint32_t*>(row_order_.data()),
                             reinterpret_cast<const BlockBundles::Stream*>(streams_.data()),
                             ordered ? reinterpret_cast<const std::uint16_t*>(order_.data()) : nullptr,
                             input,
                             output,
                             static_cast<int>(cols_),
                             blocks_,
                             n_bundles_,
                             n_streams_,
                             std::countr_zero(static_cast<unsigned>(BlockBundles::kLanes / rows_in_bundle_)),
                             overlap != Overlap::none};
  // A block for every multiprocessor, also where some have nothing to do: overlapping launches must fill all alike.
  const int warps = (n_streams_ + multiprocessors_ - 1) / multiprocessors_;
  auto* queue = static_cast<cudaStream_t>(stream);
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    using cuda::Way;
    if (ordered) return cuda::launch<T, Way::gathered>(args, multiprocessors_, warps, overlap, queue);
    if (cuda::comes_in_bulk(input, cols_)) {
      return cuda::launch<T, Way::bulk>(args, multiprocessors_, warps, overlap, queue);
    }
    cuda::launch<T, Way::staged>(args, multiprocessors_, warps, overlap, queue);
  };
  if (dtype_ == DType::f16) return run(__half());
  run(__nv_bfloat16());
}

bool DeviceBlockBundles::fits_two() const {
  return cuda::shared_bytes(blocks_, (n_streams_ + multiprocessors_ - 1) / multiprocessors_) <= cuda::kMostOfTwo;
}

}  // namespace lacuna::kernels
