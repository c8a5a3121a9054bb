// The kernel of cuda.hpp. A block owns 256, 512 or 1024 outputs (8, 16 or 32 a lane, so a warp reads 512 to 2048
// consecutive bytes of a column) and one part of the columns; the blocks of one output tile form a cluster.
//
//   1. select      every thread tests its columns; ballots give each active column a place in a list in shared memory
//   2. accumulate  the warps take the list's columns in turn, each through a queue of asynchronous copies
//   3. reduce      over the warps in shared memory; then every block sends each block of the cluster its share of the
//                  tile, which that block sums in the order of the senders
//
// Longer than most files: host and device halves of one kernel share their constants and argument struct.
#include <cooperative_groups.h>

#include <algorithm>

#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/check.cuh"
#include "lacuna/kernels/device/half.cuh"
#include "lacuna/kernels/sparse_gemv/cuda.hpp"

namespace lacuna::kernels {
namespace cuda {
namespace {

namespace cg = cooperative_groups;

constexpr int kLaneTile = 256;  // outputs of a warp with one octet a lane
constexpr int kMaxProducts = 3;
constexpr int kQueue = 16;                                  // octets of a lane on their way
constexpr int kTogether = 4;                                // of them waited for at a time
constexpr int kDynamicBytes = kMaxSharedBytes - 40 * 1024;  // the reduction's arrays take up to 32 KiB

struct Product {
  const void* w;
  const void* bias;
  void* y;
  long long column_stride;
  int rows;
  int first_tile;
  float threshold;
};

struct Args {
  const void* x;
  int cols;
  int slice;     // columns of one split, a multiple of 32
  int capacity;  // of the list of active columns
  int n_products;
  Product products[kMaxProducts];
};

// Columns a thread tests in one pass; a pass of 256 threads covers 2048 or 4096 columns.
template <int kBatch>
__host__ __device__ constexpr int tests_per_thread() {
  return kBatch >= 4 ? 8 : 16;
}

// A batch of 8 has 64 sums a lane and needs the registers of half the threads; f32's queues need all shared memory.
__host__ __device__ constexpr int max_warps(int batch, std::size_t element_bytes) {
  return batch >= 8 || element_bytes == 4 ? 8 : 16;
}

// Eight weights as loaded.
template <typename T>
struct Octet {
  uint4 raw[sizeof(T) / 2];

  __device__ __forceinline__ void load(const T* p, int n) {
    T* own = reinterpret_cast<T*>(raw);
#pragma unroll
    for (int k = 0; k < 8; ++k) own[k] = k < n ? p[k] : from_f32<T>(0.0F);
  }
  __device__ __forceinline__ void widen(float (&out)[8]) const {
    if constexpr (sizeof(T) == 4) {
      const float* own = reinterpret_cast<const float*>(raw);
#pragma unroll
      for (int k = 0; k < 8; ++k) out[k] = own[k];
    } else {
      const std::uint32_t words[4] = {raw[0].x, raw[0].y, raw[0].z, raw[0].w};
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        const float2 pair = pair_to_f32<T>(words[k]);
        out[2 * k] = pair.x;
        out[2 * k + 1] = pair.y;
      }
    }
  }
};

// The list of active columns of one pass, and room for the reduction in the same bytes.
template <int kBatch>
struct ActiveList {
  int* column;
  float* x;  // kBatch values for each column
};

// Fills the list with the active columns of [begin, end), at most tests·threads of them; returns their number.
template <typename T, int kBatch>
__device__ int select_active(const T* x, int cols, int begin, int end, float threshold, const ActiveList<kBatch>& list,
                             int* warp_counts) {
  constexpr int kTests = tests_per_thread<kBatch>();
  const int lane = threadIdx.x % 32;
  const int warp = threadIdx.x / 32;
  const int warps = blockDim.x / 32;
  unsigned ballots[kTests];
  T values[kTests][kBatch];
  int count = 0;
  const int rest = end - begin;
#pragma unroll
  for (int k = 0; k < kTests; ++k) {
    if (k * static_cast<int>(blockDim.x) >= rest) break;
    const int j = begin + k * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x);
#pragma unroll
    for (int b = 0; b < kBatch; ++b)
      values[k][b] = j < end ? x[static_cast<long long>(b) * cols + j] : from_f32<T>(0.F);
  }
#pragma unroll
  for (int k = 0; k < kTests; ++k) {
    if (k * static_cast<int>(blockDim.x) >= rest) break;
    const int j = begin + k * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x);
    bool active = false;
#pragma unroll
    for (int b = 0; b < kBatch; ++b) active |= !(fabsf(to_f32(values[k][b])) <= threshold);
    ballots[k] = __ballot_sync(~0U, active && j < end);
    count += __popc(ballots[k]);
  }
  if (lane == 0) warp_counts[warp] = count;
  __syncthreads();
  int at = 0;
  int total = 0;
  for (int w = 0; w < warps; ++w) {
    const int c = warp_counts[w];
    at += w < warp ? c : 0;
    total += c;
  }
#pragma unroll
  for (int k = 0; k < kTests; ++k) {
    if (k * static_cast<int>(blockDim.x) >= rest) break;
    const unsigned below = ballots[k] & ((1U << lane) - 1U);
    if ((ballots[k] >> lane & 1U) != 0) {
      const int place = at + __popc(below);
      list.column[place] = begin + k * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x);
#pragma unroll
      for (int b = 0; b < kBatch; ++b) {
        const float v = to_f32(values[k][b]);
        list.x[place * kBatch + b] = fabsf(v) <= threshold ? 0.0F : v;
      }
    }
    at += __popc(ballots[k]);
  }
  __syncthreads();
  return total;
}

template <typename T, int kBatch, int kOctets>
__device__ __forceinline__ void add_octet(const Octet<T>& octet, int o, const float* x,
                                          float (&sums)[kBatch][8 * kOctets]) {
  float values[8];
  octet.widen(values);
#pragma unroll
  for (int b = 0; b < kBatch; ++b) {
#pragma unroll
    for (int v = 0; v < 8; ++v) sums[b][8 * o + v] = fmaf(values[v], x[b], sums[b][8 * o + v]);
  }
}

// Any alignment: loads into registers.
template <typename T, int kBatch, int kOctets>
__device__ __forceinline__ void accumulate_unaligned(const T* w, long long stride, int n_rows,
                                                     const ActiveList<kBatch>& list, int n,
                                                     float (&sums)[kBatch][8 * kOctets]) {
  const int warps = blockDim.x / 32;
  for (int i = threadIdx.x / 32; i < n; i += warps) {
#pragma unroll
    for (int o = 0; o < kOctets; ++o) {
      Octet<T> octet;
      octet.load(w + list.column[i] * stride + o * kLaneTile, n_rows - o * kLaneTile);
      add_octet<T, kBatch, kOctets>(octet, o, list.x + i * kBatch, sums);
    }
  }
}

// Every lane copies its octets to a queue of its own in shared memory, kQueue of them on the way. The warp's k-th
// column is entry warp + k·warps of the list.
template <typename T, int kBatch, int kOctets>
__device__ __forceinline__ void accumulate_queued(const T* w, long long stride, int n_rows,
                                                  const ActiveList<kBatch>& list, int n, unsigned queue,
                                                  float (&sums)[kBatch][8 * kOctets]) {
  constexpr int kParts = sizeof(T) / 2;  // copies of 16 bytes in an octet
  constexpr int kColumns = kTogether / kOctets;
  const int warps = blockDim.x / 32;
  const auto start = [&](int i, int place) {
    if (i >= n) return;
    const T* column = w + list.column[i] * stride;
#pragma unroll
    for (int o = 0; o < kOctets; ++o) {
      if (o * kLaneTile < n_rows) {
#pragma unroll
        for (int p = 0; p < kParts; ++p) {
          asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(queue + ((place + o) * kParts + p) * 512),
                       "l"(column + o * kLaneTile + p * (16 / sizeof(T)))
                       : "memory");
        }
      }
    }
  };
  int next = threadIdx.x / 32;
#pragma unroll
  for (int g = 0; g < kQueue / kTogether; ++g) {
#pragma unroll
    for (int k = 0; k < kColumns; ++k, next += warps) start(next, g * kTogether + k * kOctets);
    asm volatile("cp.async.commit_group;" ::: "memory");
  }
  int place = 0;
  for (int first = threadIdx.x / 32; first < n; first += kColumns * warps) {
    asm volatile("cp.async.wait_group %0;" ::"n"(kQueue / kTogether - 1) : "memory");
    Octet<T> octets[kTogether];
#pragma unroll
    for (int k = 0; k < kTogether; ++k) {
#pragma unroll
      for (int p = 0; p < kParts; ++p) octets[k].raw[p] = load_shared_16(queue + ((place + k) * kParts + p) * 512);
    }
#pragma unroll
    for (int k = 0; k < kColumns; ++k, next += warps) start(next, place + k * kOctets);
    asm volatile("cp.async.commit_group;" ::: "memory");
#pragma unroll
    for (int k = 0; k < kColumns; ++k) {
      const int i = first + k * warps;
      if (i < n) {
#pragma unroll
        for (int o = 0; o < kOctets; ++o) {
          add_octet<T, kBatch, kOctets>(octets[k * kOctets + o], o, list.x + i * kBatch, sums);
        }
      }
    }
    place = place + kTogether == kQueue ? 0 : place + kTogether;
  }
  asm volatile("cp.async.wait_group 0;" ::: "memory");
}

// The place of value v of a lane among the outputs of its warp.
__device__ __forceinline__ int output_of(int lane, int octet) { return octet * kLaneTile + lane * 8; }

// Sums of the block's warps, in order: partial[b][tile]. scratch holds warps·tile floats.
template <int kBatch, int kOctets>
__device__ void reduce_warps(const float (&sums)[kBatch][8 * kOctets], float* scratch, float* partial) {
  constexpr int kTile = kLaneTile * kOctets;
  const int lane = threadIdx.x % 32;
  const int warp = threadIdx.x / 32;
  const int warps = blockDim.x / 32;
#pragma unroll
  for (int b = 0; b < kBatch; ++b) {
    __syncthreads();
#pragma unroll
    for (int o = 0; o < kOctets; ++o) {
      float4* own = reinterpret_cast<float4*>(scratch + warp * kTile + output_of(lane, o));
      own[0] = make_float4(sums[b][8 * o], sums[b][8 * o + 1], sums[b][8 * o + 2], sums[b][8 * o + 3]);
      own[1] = make_float4(sums[b][8 * o + 4], sums[b][8 * o + 5], sums[b][8 * o + 6], sums[b][8 * o + 7]);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < kTile; i += blockDim.x) {
      float sum = 0.0F;
      for (int w = 0; w < warps; ++w) sum += scratch[w * kTile + i];
      partial[b * kTile + i] = sum;
    }
  }
}

template <typename T>
__device__ __forceinline__ float biased(float sum, const Product& p, int row) {
  return p.bias == nullptr ? sum : sum + to_f32(static_cast<const T*>(p.bias)[row]);
}

// kMatrices = 1: one product a block. 2: gate (products[0]) and up (products[1]) of the same tile.
template <typename T, int kBatch, int kMatrices, int kOctets, bool kAligned>
__global__ void __launch_bounds__(max_warps(kBatch, sizeof(T)) * 32)
    sparse_gemv_kernel(const __grid_constant__ Args args) {
  constexpr int kTile = kLaneTile * kOctets;
  extern __shared__ __align__(16) unsigned char shared[];
  __shared__ int warp_counts[16];
  __shared__ float partial[kMatrices * kBatch * kTile];
  __shared__ float received[kMatrices * kBatch * kTile];
  const int capacity = args.capacity;
  const ActiveList<kBatch> list = {reinterpret_cast<int*>(shared), reinterpret_cast<float*>(shared) + capacity};
  float* behind_list = list.x + capacity * kBatch;
  [[maybe_unused]] const unsigned queue =
      shared_address(behind_list) + (threadIdx.x / 32 * kQueue * sizeof(T) / 2 * 32 + threadIdx.x % 32) * 16;
  cg::cluster_group cluster = cg::this_cluster();
  cluster.barrier_arrive();  // waited for before anything is sent to another block: they all have started

  int which = 0;
  if (kMatrices == 1) {
    while (which + 1 < args.n_products && static_cast<int>(blockIdx.y) >= args.products[which + 1].first_tile) ++which;
  }
  const int tile = static_cast<int>(blockIdx.y) - args.products[which].first_tile;
  const int row = tile * kTile + static_cast<int>(threadIdx.x % 32) * 8;
  const int begin = static_cast<int>(blockIdx.x) * args.slice;
  const int end = min(args.cols, begin + args.slice);

  float sums[kMatrices][kBatch][8 * kOctets] = {};
  wait_for_previous_grids();
  let_next_grid_start();
  for (int piece = begin; piece < end; piece += capacity) {
    const int piece_end = min(end, piece + capacity);
    int n = 0;
#pragma unroll
    for (int m = 0; m < kMatrices; ++m) {
      const Product& p = args.products[which + m];
      if (m == 0 || p.threshold != args.products[0].threshold) {
        __syncthreads();  // the list's last readers are done
        n = select_active<T, kBatch>(static_cast<const T*>(args.x), args.cols, piece, piece_end, p.threshold, list,
                                     warp_counts);
      }
      const T* w = static_cast<const T*>(p.w) + row;
      if constexpr (kAligned) {
        accumulate_queued<T, kBatch, kOctets>(w, p.column_stride, p.rows - row, list, n, queue, sums[m]);
      } else {
        accumulate_unaligned<T, kBatch, kOctets>(w, p.column_stride, p.rows - row, list, n, sums[m]);
      }
    }
  }
#pragma unroll
  for (int m = 0; m < kMatrices; ++m) {
    reduce_warps<kBatch, kOctets>(sums[m], reinterpret_cast<float*>(shared), partial + m * kBatch * kTile);
  }

  // Sums of share r of the tile go to block r of the cluster: received[sender][matrix][batch][share].
  const int splits = static_cast<int>(gridDim.x);
  const int share = kTile / splits;
  constexpr int kRows = kMatrices * kBatch;
  __syncthreads();
  cluster.barrier_wait();
  for (int i = threadIdx.x; i < kRows * kTile; i += blockDim.x) {
    const int of_tile = i % kTile;
    float* target = cluster.map_shared_rank(received, of_tile / share);
    target[(static_cast<int>(blockIdx.x) * kRows + i / kTile) * share + of_tile % share] = partial[i];
  }
  cluster.sync();
  for (int i = threadIdx.x; i < share * kBatch; i += blockDim.x) {
    const int b = i / share;
    const int out = tile * kTile + static_cast<int>(blockIdx.x) * share + i % share;
    float totals[kMatrices] = {};
#pragma unroll
    for (int m = 0; m < kMatrices; ++m) {
      for (int s = 0; s < splits; ++s) totals[m] += received[(s * kRows + m * kBatch + b) * share + i % share];
    }
    const Product& p = args.products[which];
    if (out < p.rows) {
      float y = biased<T>(totals[0], p, out);
      if (kMatrices == 2) y = y / (1.0F + __expf(-y)) * biased<T>(totals[kMatrices - 1], args.products[1], out);
      static_cast<T*>(p.y)[static_cast<long long>(b) * p.rows + out] = from_f32<T>(y);
    }
  }
}

struct Plan {
  int warps;
  int splits;
  int octets;  // of a lane; two halve the blocks and double the consecutive bytes of a column that a warp reads
};

int tile_count(std::int64_t rows, int octets) {
  return static_cast<int>((rows + kLaneTile * octets - 1) / (kLaneTile * octets));
}

// One wave of blocks with about 4 to 8 MB on the way: fewer do not hide the latency of memory, more disturb each other
// there. Measured choices: docs/kernels-cuda.md.
Plan choose_plan(std::int64_t rows, const SparseGemvOptions& options, const SparseInput& input, bool aligned) {
  constexpr int kMultiprocessors = 132;
  constexpr std::int64_t kManyWeights = std::int64_t{1} << 27;
  const int most = max_warps(input.batch, dtype_bytes(input.dtype));
  Plan plan{8, 8, 1};
  if (input.batch == 1 && input.dtype != DType::f32 && aligned) {
    plan.octets = rows * input.cols >= kManyWeights ? 4 : 2;
    if (options.tile != 0) plan.octets = options.tile / kLaneTile;
  }
  const int waves = plan.octets == 1 ? 2 : 1;
  const int tiles = tile_count(rows, plan.octets);
  while (plan.splits > 1 && tiles * plan.splits > waves * kMultiprocessors) plan.splits /= 2;
  if (options.warps != 0) plan.warps = std::min(options.warps, most);
  if (options.splits != 0) plan.splits = options.splits;
  return plan;
}

template <typename T, int kBatch, int kMatrices, int kOctets, bool kAligned>
void launch(Args args, int tiles, const Plan& plan, const SparseGemvOptions& options, cudaStream_t stream) {
  auto* kernel = sparse_gemv_kernel<T, kBatch, kMatrices, kOctets, kAligned>;
  const int threads = plan.warps * 32;
  args.slice = (args.cols + 32 * plan.splits - 1) / (32 * plan.splits) * 32;
  const int queue_bytes = kAligned ? plan.warps * kQueue * 256 * static_cast<int>(sizeof(T)) : 0;
  constexpr int kEntryBytes = (1 + kBatch) * 4;
  args.capacity = std::min(
      {tests_per_thread<kBatch>() * threads, args.slice, (kDynamicBytes - queue_bytes) / kEntryBytes / 32 * 32});
  const int bytes = std::max(args.capacity * kEntryBytes + queue_bytes, plan.warps * kLaneTile * kOctets * 4);
  static const cudaError_t raised =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kDynamicBytes);
  check_cuda(raised, "raise the shared memory limit");
  cudaLaunchAttribute attributes[2] = {};
  attributes[0].id = cudaLaunchAttributeClusterDimension;
  attributes[0].val.clusterDim = {static_cast<unsigned>(plan.splits), 1, 1};
  attributes[1].id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attributes[1].val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(plan.splits), static_cast<unsigned>(tiles));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = static_cast<std::size_t>(bytes);
  config.stream = stream;
  config.attrs = attributes;
  config.numAttrs = options.overlap_previous ? 2 : 1;
  check_cuda(cudaLaunchKernelEx(&config, kernel, args), "launch sparse_gemv");
}

template <typename T, int kMatrices, bool kAligned>
void launch_batch(const Args& args, int batch, int tiles, const Plan& plan, const SparseGemvOptions& options,
                  cudaStream_t stream) {
  if constexpr (sizeof(T) == 2 && kAligned) {
    if (plan.octets == 4) return launch<T, 1, kMatrices, 4, kAligned>(args, tiles, plan, options, stream);
    if (plan.octets == 2) return launch<T, 1, kMatrices, 2, kAligned>(args, tiles, plan, options, stream);
  }
  switch (batch) {
    case 1: return launch<T, 1, kMatrices, 1, kAligned>(args, tiles, plan, options, stream);
    case 2: return launch<T, 2, kMatrices, 1, kAligned>(args, tiles, plan, options, stream);
    case 4: return launch<T, 4, kMatrices, 1, kAligned>(args, tiles, plan, options, stream);
    default: return launch<T, 8, kMatrices, 1, kAligned>(args, tiles, plan, options, stream);
  }
}

template <int kMatrices>
void launch_type(const Args& args, const SparseInput& input, bool aligned, int tiles, const Plan& plan,
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

void require(bool condition, const char* what) {
  if (!condition) throw Error(ErrorCode::invalid_argument, std::string("sparse_gemv on CUDA: ") + what);
}

void check(const SparseInput& input, std::span<const SparseProduct> products, const SparseGemvOptions& options) {
  require(input.dtype == DType::f16 || input.dtype == DType::bf16 || input.dtype == DType::f32,
          "the type must be f16, bf16 or f32");
  require(input.batch == 1 || input.batch == 2 || input.batch == 4 || input.batch == 8,
          "the batch must be 1, 2, 4 or 8");
  require(input.cols > 0 && input.cols < (1 << 30) && input.x != nullptr, "the input must have 1 to 2^30 columns");
  require(!products.empty() && products.size() <= kMaxProducts, "1 to 3 products share an input");
  for (const auto& p : products) {
    require(p.rows > 0 && p.rows < (1 << 24) && p.column_stride >= p.rows && p.w != nullptr,
            "a product has 1 to 2^24 rows and column_stride >= rows");
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
  Args args{input.x, static_cast<int>(input.cols), 0, 0, static_cast<int>(products.size()), {}};
  int tiles = 0;
  for (std::size_t i = 0; i < products.size(); ++i) {
    const SparseProduct& p = products[i];
    args.products[i] = {p.w, p.bias, p.y, p.column_stride, static_cast<int>(p.rows), tiles, p.threshold};
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
