// Choosing how the kernel of kernel.cuh runs, and launching it.
#include <algorithm>

#include "lacuna/kernels/sparse_gemv/batch_kernel.cuh"
#include "lacuna/kernels/sparse_gemv/cuda.hpp"
#include "lacuna/kernels/sparse_gemv/kernel.cuh"

namespace lacuna::kernels {
namespace cuda {
namespace {

void require(bool condition, const char* what) {
  if (!condition) throw Error(ErrorCode::invalid_argument, std::string("sparse_gemv on CUDA: ") + what);
}

struct Plan {
  int warps;
  int splits;
  int octets;  // of a lane; two halve the blocks and double the consecutive bytes of a column that a warp reads
};

bool uses_tensor_cores(const SparseInput& input, bool aligned) {
  return input.batch > 1 && input.dtype != DType::f32 && aligned;
}

int tile_count(std::int64_t rows, int octets) {
  return static_cast<int>((rows + kLaneTile * octets - 1) / (kLaneTile * octets));
}

// One wave of blocks with about 4 to 8 MB on the way: fewer do not hide the latency of memory, more disturb each other
// there. Measured choices: docs/kernels-cuda.md.
Plan choose_plan(std::int64_t rows, const SparseGemvOptions& options, const SparseInput& input, bool aligned) {
  constexpr int kMultiprocessors = 132;
  constexpr std::int64_t kManyWeights = std::int64_t{1} << 27;
  const bool tensor = uses_tensor_cores(input, aligned);
  const int most = tensor ? kBatchMaxWarps : max_warps(input.batch, dtype_bytes(input.dtype));
  Plan plan{tensor ? 4 : 8, 8, 1};
  if (input.batch == 1 && input.dtype != DType::f32 && aligned) {
    plan.octets = rows * input.cols >= kManyWeights ? 4 : 2;
    if (options.tile != 0) plan.octets = options.tile / kLaneTile;
  }
  const int waves = plan.octets == 1 ? 2 : 1;
  const int tiles = tile_count(rows, plan.octets);
  if (tensor && tiles * 8 <= kMultiprocessors) plan = {8, 4, 1};  // fewer sums to exchange
  while (plan.splits > 1 && tiles * plan.splits > waves * kMultiprocessors) plan.splits /= 2;
  if (options.warps != 0) plan.warps = std::min(options.warps, most);
  if (options.splits != 0) plan.splits = options.splits;
  return plan;
}

// Columns of one split.
int slice_of(int cols, int splits) { return (cols + 32 * splits - 1) / (32 * splits) * 32; }

// The blocks of a tile form a cluster.
void launch_clusters(void (*kernel)(SparseArgs), const SparseArgs& args, int tiles, const Plan& plan, int bytes,
                     Overlap overlap, cudaStream_t stream) {
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kDynamicBytes),
             "raise the shared memory limit");
  check_cuda(prefer_shared_memory(kernel), "prefer shared memory");
  cudaLaunchAttribute attributes[2] = {};
  attributes[0].id = cudaLaunchAttributeClusterDimension;
  attributes[0].val.clusterDim = {static_cast<unsigned>(plan.splits), 1, 1};
  attributes[1].id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attributes[1].val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(plan.splits), static_cast<unsigned>(tiles));
  config.blockDim = dim3(static_cast<unsigned>(plan.warps * 32));
  config.dynamicSmemBytes = static_cast<std::size_t>(bytes);
  config.stream = stream;
  config.attrs = attributes;
  config.numAttrs = overlap == Overlap::none ? 1 : 2;
  check_cuda(cudaLaunchKernelEx(&config, kernel, args), "launch sparse_gemv");
}

template <typename T, int kBatch, int kMatrices, int kOctets, bool kAligned>
void launch(SparseArgs args, int tiles, const Plan& plan, const SparseGemvOptions& options, cudaStream_t stream) {
  auto* kernel = sparse_gemv_kernel<T, kBatch, kMatrices, kOctets, kAligned>;
  const int threads = plan.warps * 32;
  args.slice = slice_of(args.cols, plan.splits);
  const int queue_bytes = plan.warps * warp_bytes<T, kBatch, kMatrices, kOctets, kAligned>();
  constexpr int kEntryBytes = (1 + kBatch) * 4;
  const bool normalised = args.input.kind == InputKind::normalised;
  const int room_bytes = normalised ? (args.cols + 7) / 8 * 16 : 0;
  const int list_bytes = kDynamicBytes - queue_bytes - room_bytes;
  require(list_bytes >= 32 * kEntryBytes, "a normalised input must leave room in shared memory");
  const int room = list_bytes / kEntryBytes / 32 * 32;
  if constexpr (shares_actives<T, kBatch, kMatrices>()) {  // slice: columns that the cluster selects from at once
    const int most = std::min(args.cols, 8 * kSharedOctets * threads);
    args.capacity = std::min(slice_of(most, plan.splits), room);
    args.slice = std::min(most, args.capacity * plan.splits);
  } else {
    args.capacity = std::min({tests_per_thread<kBatch>() * threads, args.slice, room});
  }
  args.room = args.capacity * kEntryBytes + queue_bytes;
  const int bytes = args.room + room_bytes;
  launch_clusters(kernel, args, tiles, plan, bytes, options.overlap, stream);
}

// Half as many warps as for one input, and two blocks a multiprocessor: their rings hold more.
template <typename T, int kMatrices>
void launch_tensor(SparseArgs args, int tiles, const Plan& plan, const SparseGemvOptions& options,
                   cudaStream_t stream) {
  const int parts = plan.splits * plan.warps;
  args.slice = (args.cols + 8 * parts - 1) / (8 * parts) * 8;
  args.overlaps = options.overlap != Overlap::none;
  launch_clusters(sparse_batch_kernel<T, kMatrices>, args, tiles, plan, plan.warps * kBatchWarpBytes, options.overlap,
                  stream);
}

template <typename T, int kMatrices, bool kAligned>
void launch_batch(const SparseArgs& args, int batch, int tiles, const Plan& plan, const SparseGemvOptions& options,
                  cudaStream_t stream) {
  if constexpr (sizeof(T) == 2 && kAligned) {
    if (batch > 1) return launch_tensor<T, kMatrices>(args, tiles, plan, options, stream);
    if (plan.octets == 4) return launch<T, 1, kMatrices, 4, kAligned>(args, tiles, plan, options, stream);
    if (plan.octets == 2) return launch<T, 1, kMatrices, 2, kAligned>(args, tiles, plan, options, stream);
  }
  if (batch == 1) return launch<T, 1, kMatrices, 1, kAligned>(args, tiles, plan, options, stream);
  if constexpr (sizeof(T) == 4 || !kAligned) {
    if (batch == 2) return launch<T, 2, kMatrices, 1, kAligned>(args, tiles, plan, options, stream);
    if (batch == 4) return launch<T, 4, kMatrices, 1, kAligned>(args, tiles, plan, options, stream);
    launch<T, 8, kMatrices, 1, kAligned>(args, tiles, plan, options, stream);
  }
}

template <int kMatrices>
void launch_type(const SparseArgs& args, const SparseInput& input, bool aligned, int tiles, const Plan& plan,
                 const SparseGemvOptions& options, cudaStream_t stream) {
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    return aligned ? launch_batch<T, kMatrices, true>(args, input.batch, tiles, plan, options, stream)
                   : launch_batch<T, kMatrices, false>(args, input.batch, tiles, plan, options, stream);
  };
  if (input.dtype == DType::f16) return run(__half());
  if (input.dtype == DType::bf16) return run(__nv_bfloat16());
  run(0.0F);
}

void check(const SparseInput& input, std::span<const SparseProduct> products, const SparseGemvOptions& options) {
  require(input.dtype == DType::f16 || input.dtype == DType::bf16 || input.dtype == DType::f32,
          "the type must be f16, bf16 or f32");
  require(input.batch == 1 || input.batch == 2 || input.batch == 4 || input.batch == 8,
          "the batch must be 1, 2, 4 or 8");
  require(input.cols > 0 && input.cols < (1 << 30) && input.x != nullptr, "the input must have 1 to 2^30 columns");
  require(input.norm_weight == nullptr || (input.batch == 1 && input.dtype != DType::f32),
          "a normalised input has a batch of 1 and weights of 16 bits");
  require(!products.empty() && products.size() <= kMaxProducts, "1 to 3 products share an input");
  for (const auto& p : products) {
    require(p.rows > 0 && p.rows < (1 << 24) && p.column_stride >= p.rows && p.w != nullptr,
            "a product has 1 to 2^24 rows and column_stride >= rows");
    require(p.output != OutputKind::gate, "a gate is a call of its own");
  }
  const int w = options.warps;
  const int s = options.splits;
  require(w == 0 || w == 4 || w == 8 || w == 16, "warps must be 4, 8 or 16");
  require(s == 0 || s == 1 || s == 2 || s == 4 || s == 8, "splits must be 1, 2, 4 or 8");
  require(
      options.tile == 0 || options.tile == kLaneTile || options.tile == 2 * kLaneTile || options.tile == 4 * kLaneTile,
      "tile must be 256, 512 or 1024");
}

bool is_aligned(const SparseProduct& p) {
  return reinterpret_cast<std::uintptr_t>(p.w) % 16 == 0 && p.column_stride % 8 == 0 && p.rows % 8 == 0;
}

// kMatrices products share every tile (gate and up), or each has tiles of its own.
template <int kMatrices>
void run(const SparseInput& input, std::span<const SparseProduct> products, DeviceStream stream,
         const SparseGemvOptions& options) {
  check(input, products, options);
  std::int64_t rows = 0;
  for (const SparseProduct& p : products.first(kMatrices == 1 ? products.size() : 1)) rows += p.rows;
  const bool aligned = std::all_of(products.begin(), products.end(), is_aligned);
  const Plan plan = choose_plan(rows, options, input, aligned);
  const InputKind kind = input.norm_weight == nullptr ? InputKind::plain : InputKind::normalised;
  SparseArgs args = {};
  args.input = {input.x, kind, input.norm_weight, input.epsilon};
  args.cols = static_cast<int>(input.cols);
  args.batch = input.batch;
  args.n_products = static_cast<int>(products.size());
  int tiles = 0;
  for (std::size_t i = 0; i < products.size(); ++i) {
    const SparseProduct& p = products[i];
    args.products[i] = {p.w, {p.y, p.output, p.bias}, p.column_stride, static_cast<int>(p.rows), tiles, p.threshold};
    if (kMatrices == 1) tiles += tile_count(p.rows, plan.octets);
  }
  if (kMatrices == 2) tiles = tile_count(rows, plan.octets);
  launch_type<kMatrices>(args, input, aligned, tiles, plan, options, static_cast<cudaStream_t>(stream));
}

}  // namespace
}  // namespace cuda

void sparse_gemv_cuda(const SparseInput& input, std::span<const SparseProduct> products, DeviceStream stream,
                      const SparseGemvOptions& options) {
  cuda::run<1>(input, products, stream, options);
}

void sparse_gate_up_cuda(const SparseInput& input, const SparseProduct& gate, const SparseProduct& up, void* y,
                         DeviceStream stream, const SparseGemvOptions& options) {
  SparseProduct products[2] = {gate, up};
  products[0].y = y;
  cuda::require(gate.rows == up.rows, "gate and up must have the same rows");
  cuda::run<2>(input, products, stream, options);
}

}  // namespace lacuna::kernels
