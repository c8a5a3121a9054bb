// Choosing the kernel and how it runs, and launching it.
#include <algorithm>
#include <bit>

#include "lacuna/kernels/sparse_gemv/batch_kernel.cuh"
#include "lacuna/kernels/sparse_gemv/cuda.hpp"
#include "lacuna/kernels/sparse_gemv/kernel.cuh"
#include "lacuna/kernels/sparse_gemv/single_kernel.cuh"

namespace lacuna::kernels {
namespace cuda {
namespace {

void require(bool condition, const char* what) {
  if (!condition) throw Error(ErrorCode::invalid_argument, std::string("sparse_gemv on CUDA: ") + what);
}

constexpr int kMultiprocessors = 132;
constexpr int kNarrowTile = 64;  // outputs of a block of the kernel for one input
constexpr int kWideTile = 512;

// Dynamic, of a block of the kernel for one input: it declares an inbox.
constexpr int most_of_two(int matrices) { return kMostOfTwo - matrices * kWideTile * 4 - 512; }

struct Plan {
  int warps;
  int splits;
  int tile;
};

bool of_16_bits(const SparseInput& input, bool aligned) { return input.dtype != DType::f32 && aligned; }

int tile_count(std::int64_t rows, int tile) { return static_cast<int>((rows + tile - 1) / tile); }

// Clusters must fit beside those of the launch before, one block a multiprocessor: these come in groups of 14 to 18, of
// which one that is crowded slows the whole launch.
int most_splits(int tiles) {
  if (tiles * 8 <= 104) return 8;
  if (tiles * 4 <= 116) return 4;
  return tiles * 2 <= kMultiprocessors ? 2 : 1;
}

// At most one block a multiprocessor, so that the next launch's fit beside them. Half as many get twice the warps.
// Measured choices: docs/kernels-cuda.md.
Plan choose_single(std::int64_t rows, int tile) {
  if (tile == 0) tile = tile_count(rows, kWideTile) * 8 < kMultiprocessors / 2 - 2 ? kNarrowTile : kWideTile;
  const int tiles = tile_count(rows, tile);
  const int splits = most_splits(tiles);
  return {tiles * splits <= kMultiprocessors / 2 ? kSingleWarps : kSingleWarps / 2, splits, tile};
}

// As many blocks of four warps as the device holds at once, less what clusters leave empty; more would come in a second
// round. Where fewer fill it and columns are listed, blocks of eight: some warps list while others multiply.
Plan choose_batch(std::int64_t rows, int most_warps, bool lists) {
  constexpr int kBlocks = 3 * 120;
  constexpr int kBlocksOfEight = 2 * 120;
  const int tiles = tile_count(rows, kBatchTile);
  Plan plan{4, std::clamp(kBlocks / tiles, 1, kMostSplits), kBatchTile};
  if (!lists) plan.splits = static_cast<int>(std::bit_floor(static_cast<unsigned>(plan.splits)));
  if (lists && tiles * plan.splits <= kBlocksOfEight) plan.warps = most_warps;
  return plan;
}

// One wave of blocks with about 4 to 8 MB on the way: fewer do not hide the latency of memory, more disturb each other
// there.
Plan choose_plan(std::int64_t rows, const SparseGemvOptions& options, const SparseInput& input, bool aligned,
                 int most_batch_warps, bool lists) {
  const bool single = input.batch == 1 && of_16_bits(input, aligned);
  const bool tensor = input.batch > 1 && of_16_bits(input, aligned);
  Plan plan{8, 8, kLaneTile};
  if (single) {
    plan = choose_single(rows, options.tile);
  } else if (tensor) {
    plan = choose_batch(rows, most_batch_warps, lists);
  } else {
    const int tiles = tile_count(rows, kLaneTile);
    while (plan.splits > 1 && tiles * plan.splits > 2 * kMultiprocessors) plan.splits /= 2;
  }
  const int most = single ? kSingleWarps : tensor ? most_batch_warps : max_warps(input.batch, dtype_bytes(input.dtype));
  if (options.warps != 0) plan.warps = std::min(options.warps, most);
  if (options.splits != 0) plan.splits = options.splits;
  return plan;
}

// Columns of one split.
int slice_of(int cols, int splits) { return (cols + 32 * splits - 1) / (32 * splits) * 32; }

// Bytes of a normalised input in shared memory.
int room_bytes(const SparseArgs& args) {
  return args.input.kind == InputKind::normalised ? (args.cols + 7) / 8 * 16 : 0;
}

// The blocks of a tile form a cluster.
void launch_clusters(void (*kernel)(SparseArgs), const SparseArgs& args, int tiles, const Plan& plan, int bytes,
                     Overlap overlap, cudaStream_t stream) {
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kDynamicBytes),
             "raise the shared memory limit");
  check_cuda(prefer_shared_memory(kernel), "prefer shared memory");
  cudaLaunchAttribute attributes[2] = {};
  attributes[0].id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attributes[0].val.programmaticStreamSerializationAllowed = 1;
  const unsigned overlaps = overlap == Overlap::none ? 0 : 1;
  attributes[overlaps].id = cudaLaunchAttributeClusterDimension;
  attributes[overlaps].val.clusterDim = {static_cast<unsigned>(plan.splits), 1, 1};
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(plan.splits), static_cast<unsigned>(tiles));
  config.blockDim = dim3(static_cast<unsigned>(plan.warps * 32));
  config.dynamicSmemBytes = static_cast<std::size_t>(bytes);
  config.stream = stream;
  config.attrs = attributes;
  config.numAttrs = overlaps + 1;
  check_cuda(cudaLaunchKernelEx(&config, kernel, args), "launch sparse_gemv");
}

template <typename T, int kBatch, int kMatrices, bool kAligned>
void launch(SparseArgs args, int tiles, const Plan& plan, const SparseGemvOptions& options, cudaStream_t stream) {
  auto* kernel = sparse_gemv_kernel<T, kBatch, kMatrices, kAligned>;
  args.slice = slice_of(args.cols, plan.splits);
  const int queue_bytes = plan.warps * warp_bytes<T, kBatch, kMatrices, kAligned>();
  constexpr int kEntryBytes = (1 + kBatch) * 4;
  const int list_bytes = kDynamicBytes - queue_bytes - room_bytes(args);
  require(list_bytes >= 32 * kEntryBytes, "a normalised input must leave room in shared memory");
  args.capacity =
      std::min({tests_per_thread<kBatch>() * plan.warps * 32, args.slice, list_bytes / kEntryBytes / 32 * 32});
  args.room = args.capacity * kEntryBytes + queue_bytes;
  launch_clusters(kernel, args, tiles, plan, args.room + room_bytes(args), options.overlap, stream);
}

// Two blocks share a multiprocessor, this launch's and the next one's, but never three: blocks of one launch would meet
// on some and leave others empty.
template <typename T, int kMatrices, int kTile, int kQueued, int kWarps>
void launch_single(SparseArgs args, int tiles, const Plan& plan, const SparseGemvOptions& options, int room,
                   cudaStream_t stream) {
  const int offset = list_offset<kTile, kQueued>(plan.warps);
  const int most = offset + room + 16 * 1024 < kMostOfTwo ? most_of_two(kMatrices) : kDynamicBytes;
  require(offset + room + 128 <= most, "an input that is normalised or not aligned must leave room in shared memory");
  args.capacity = std::min({kMostListed, args.slice, (most - offset - room) / 128 * 32});
  args.room = room == 0 ? 0 : offset + args.capacity * 4;
  int bytes = offset + args.capacity * 4 + room;
  if (tiles * plan.splits <= kMultiprocessors) bytes = std::max(bytes, kLeastOfTwo);
  launch_clusters(sparse_single_kernel<T, kMatrices, kTile, kQueued, kWarps>, args, tiles, plan, bytes, options.overlap,
                  stream);
}

// Twelve octets of a lane on their way where they leave room for the whole list.
template <typename T, int kMatrices>
void launch_tile(SparseArgs args, int tiles, const Plan& plan, const SparseGemvOptions& options, cudaStream_t stream) {
  args.slice = slice_of(args.cols, plan.splits);
  const bool in_place = args.input.kind == InputKind::plain && args.cols % 2 == 0 &&
                        reinterpret_cast<std::uintptr_t>(args.input.x) % 4 == 0;
  const int room = in_place ? 0 : (args.cols + 7) / 8 * 16;
  const bool fits = list_offset<kWideTile, 12>(plan.warps) + room + args.slice * 4 <= most_of_two(kMatrices);
  constexpr int kFew = kSingleWarps / 2;
  if (plan.tile == kNarrowTile) {
    launch_single<T, kMatrices, kNarrowTile, 8, kSingleWarps>(args, tiles, plan, options, room, stream);
  } else if (plan.warps <= kFew) {
    launch_single<T, kMatrices, kWideTile, 12, kFew>(args, tiles, plan, options, room, stream);
  } else if (fits) {
    launch_single<T, kMatrices, kWideTile, 12, kSingleWarps>(args, tiles, plan, options, room, stream);
  } else {
    launch_single<T, kMatrices, kWideTile, 10, kSingleWarps>(args, tiles, plan, options, room, stream);
  }
}

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
    launch_tile<T, kMatrices>(args, tiles, plan, options, stream);
  } else {
    if (batch == 1) return launch<T, 1, kMatrices, kAligned>(args, tiles, plan, options, stream);
    if (batch == 2) return launch<T, 2, kMatrices, kAligned>(args, tiles, plan, options, stream);
    if (batch == 4) return launch<T, 4, kMatrices, kAligned>(args, tiles, plan, options, stream);
    launch<T, 8, kMatrices, kAligned>(args, tiles, plan, options, stream);
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
    require(p.column_stride < std::int64_t{1} << 31, "column_stride must be less than 2^31");
    require(p.output != OutputKind::gate, "a gate is a call of its own");
  }
  const int w = options.warps;
  const int s = options.splits;
  require(w == 0 || w == 4 || w == 8 || w == 16, "warps must be 4, 8 or 16");
  require(s == 0 || s == 1 || s == 2 || s == 4 || s == 8, "splits must be 1, 2, 4 or 8");
  const int t = options.tile;
  require(t == 0 || t == kNarrowTile || t == kWideTile, "tile must be 64 or 512");
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
  const bool lists = std::any_of(products.begin(), products.end(), [](const auto& p) { return p.threshold >= 0.0F; });
  const Plan plan = choose_plan(rows, options, input, aligned, batch_warps(kMatrices), lists);
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
    if (kMatrices == 1) tiles += tile_count(p.rows, plan.tile);
  }
  if (kMatrices == 2) tiles = tile_count(rows, plan.tile);
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
