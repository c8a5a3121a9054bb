// The kernel of cuda.hpp. One or several blocks own one query head, each a part of its keys. Inside a block the lanes
// form groups that hold one key of d elements at a time, 8 a lane; every group keeps a running maximum, sum and
// weighted value, which are merged over the block; the head's last block to end merges what the others left in device
// memory.
//
// For Overlap::two there are as many blocks as multiprocessors, as large as the products' (gemv/cuda.cu); those beyond
// the heads only wait.
#include <algorithm>
#include <cmath>
#include <string>

#include "lacuna/kernels/attention/cuda.hpp"
#include "lacuna/kernels/attention/steps.cuh"
#include "lacuna/kernels/device/check.cuh"

namespace lacuna::kernels {
namespace cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kMostAttentionSplits = 8;
constexpr int kTogether = 4;  // keys of a group loaded at a time

struct AttentionArgs {
  const void* qkv;
  const std::int32_t* position;
  void* out;
  void* keys;
  void* values;
  float* parts;       // of every block of a head, where there are several: splits·(d + 2) a head
  unsigned* arrived;  // a head
  const float* query_norm;
  const float* key_norm;
  const float* cosines;
  const float* sines;
  long long capacity;
  int heads;
  int kv_heads;
  int d;
  int window;
  int splits;       // blocks of a head
  int group_lanes;  // lanes that hold one key: a power of two, at least d / 8
  float scale;      // times log2(e)
  float epsilon;
};

// The first rows begin … end−1 of keys and values on their way to L2.
template <typename T>
__device__ __forceinline__ void prefetch(const T* keys, const T* values, int begin, int end, int d) {
  constexpr int kLine = 64;  // elements
  constexpr int kMostRows = 64;
  const int lines = (min(end - begin, kMostRows) * d + kLine - 1) / kLine;
  for (int i = static_cast<int>(threadIdx.x); i < lines; i += kThreads) {
    const long long at = static_cast<long long>(begin) * d + i * kLine;
    asm volatile("prefetch.global.L2 [%0];" ::"l"(keys + at));
    asm volatile("prefetch.global.L2 [%0];" ::"l"(values + at));
  }
}

// Whether this block is the last of n to come here; what all of them have written is visible to it then.
__device__ __forceinline__ bool is_last_block(unsigned* arrived, int n) {
  __threadfence();
  __syncthreads();
  unsigned before = 0;
  if (threadIdx.x == 0) {
    before = atomicAdd(arrived, 1U);
    if (before == static_cast<unsigned>(n) - 1) *arrived = 0;  // for the next launch
  }
  const bool last = __syncthreads_or(threadIdx.x == 0 && before == static_cast<unsigned>(n) - 1) != 0;
  __threadfence();
  return last;
}

template <typename T>
__global__ void __launch_bounds__(kThreads) decode_attention_kernel(const __grid_constant__ AttentionArgs args) {
  extern __shared__ float shared[];
  const int d = args.d;
  float* q = shared;
  float* new_key = q + d;
  float* new_value = new_key + d;
  float* parts = new_value + d;
  let_next_grid_start();
  const int splits = args.splits;
  const int rank = static_cast<int>(blockIdx.x) % splits;
  const int head = static_cast<int>(blockIdx.x) / splits;
  if (head >= args.heads) return wait_for_previous_grids();
  const int sharing = args.heads / args.kv_heads;
  const int kv_head = head / sharing;
  const int position = *args.position;
  const int warp = threadIdx.x / 32;
  const int lane = threadIdx.x % 32;
  T* keys = static_cast<T*>(args.keys) + kv_head * args.capacity * d;
  T* values = static_cast<T*>(args.values) + kv_head * args.capacity * d;
  const int first = args.window > 0 ? max(0, position - args.window + 1) : 0;
  const int share = (position - first + splits - 1) / splits;
  const int begin = first + rank * share;
  const int end = min(begin + share, position);
  prefetch(keys, values, begin, end, d);
  wait_for_previous_grids();

  const T* qkv = static_cast<const T*>(args.qkv);
  const T* in_key = qkv + (args.heads + kv_head) * d;
  const T* in_value = in_key + args.kv_heads * d;
  const float* cosines = args.cosines == nullptr ? nullptr : args.cosines + static_cast<long long>(position) * (d / 2);
  const float* sines = args.sines == nullptr ? nullptr : args.sines + static_cast<long long>(position) * (d / 2);
  // The first block of the first head that shares a key stores it.
  const bool stores = rank == 0 && head % sharing == 0;
  const long long place = static_cast<long long>(position) * d;
  if (warp == 0) {
    prepare_head<T>(qkv + head * d, args.query_norm, cosines, sines, d, args.epsilon, args.scale, q);
  } else if (warp == 1 && rank == 0) {
    prepare_head<T>(in_key, args.key_norm, cosines, sines, d, args.epsilon, 1.0F, new_key);
    round_head<T>(new_key, d, stores ? keys + place : nullptr);
  } else if (warp == 2 && rank == 0) {
    for (int i = lane; i < d; i += 32) new_value[i] = to_f32(in_value[i]);
    round_head<T>(new_value, d, stores ? values + place : nullptr);
  }
  __syncthreads();

  Running run;
  const int lanes = args.group_lanes;
  const int group = static_cast<int>(threadIdx.x) / lanes;
  const int at = lane % lanes * 8;
  attend<T, kTogether>({d, lanes}, keys, values, {begin, end}, q, run);
  if (at < d) {
    float* part = parts + group * (d + 2);
    part[0] = run.most;
    part[1] = run.sum;
#pragma unroll
    for (int k = 0; k < 8; ++k) part[2 + at + k] = run.value[k];
  }
  const int n_groups = kThreads / lanes;
  float* newest = parts + n_groups * (d + 2);
  if (warp == 0 && rank == 0) {  // the newest key, which the cache may not hold yet
    float dot = 0.0F;
    for (int i = lane; i < d; i += 32) dot = fmaf(q[i], new_key[i], dot);
#pragma unroll
    for (int s = 16; s > 0; s /= 2) dot += __shfl_xor_sync(~0U, dot, s);
    newest[0] = dot;
    newest[1] = 1.0F;
    for (int i = lane; i < d; i += 32) newest[2 + i] = new_value[i];
  }
  __syncthreads();
  T* out = static_cast<T*>(args.out) + head * d;
  float* shares = args.parts + static_cast<long long>(head) * splits * (d + 2);
  for (int c = static_cast<int>(threadIdx.x); c < d; c += kThreads) {
    float most = 0.0F;
    float sum = 0.0F;
    float value = 0.0F;
    merge(parts, n_groups + (rank == 0 ? 1 : 0), d, c, most, sum, value);
    if (splits == 1) {
      out[c] = from_f32<T>(value / sum);
      continue;
    }
    float* share_out = shares + rank * (d + 2);
    if (c == 0) {
      share_out[0] = most;
      share_out[1] = sum;
    }
    share_out[2 + c] = value;
  }
  if (splits == 1 || !is_last_block(args.arrived + head, splits)) return;
  for (int i = static_cast<int>(threadIdx.x); i < splits * (d + 2); i += kThreads) parts[i] = __ldcg(shares + i);
  __syncthreads();
  for (int c = static_cast<int>(threadIdx.x); c < d; c += kThreads) {
    float most = 0.0F;
    float sum = 0.0F;
    float value = 0.0F;
    merge(parts, splits, d, c, most, sum, value);
    out[c] = from_f32<T>(value / sum);
  }
}

void require(bool condition, const char* what) {
  if (!condition) throw Error(ErrorCode::invalid_argument, std::string("attention on CUDA: ") + what);
}

template <typename T>
void launch(const AttentionArgs& args, int blocks, Overlap overlap, cudaStream_t stream) {
  auto* kernel = decode_attention_kernel<T>;
  static const cudaError_t raised =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kMaxSharedBytes);
  check_cuda(raised, "raise the shared memory limit");
  static const cudaError_t carved = prefer_shared_memory(kernel);
  check_cuda(carved, "prefer shared memory");
  const int floats = 3 * args.d + (kThreads / args.group_lanes + 1) * (args.d + 2);
  const auto bytes = static_cast<std::size_t>(overlap == Overlap::two ? std::max(floats * 4, kLeastOfTwo) : floats * 4);
  launch_overlapping(kernel, args, dim3(blocks), dim3(kThreads), bytes, overlap, stream);
}

// More than one block a head pays when the keys of a head are many. A function of what a graph does not change.
int choose_splits(const DecodeAttention& a, int multiprocessors) {
  constexpr std::int64_t kKeysOfABlock = 256;
  const auto seen = a.window > 0 ? std::min(a.window, a.capacity) : a.capacity;
  int splits = 1;
  while (splits < kMostAttentionSplits && splits * 2 * a.heads <= multiprocessors && seen > splits * kKeysOfABlock) {
    splits *= 2;
  }
  return splits;
}

}  // namespace
}  // namespace cuda

std::size_t decode_attention_scratch_bytes(std::int64_t heads, std::int64_t head_dim) {
  return static_cast<std::size_t>(heads) * (cuda::kMostAttentionSplits * static_cast<std::size_t>(head_dim + 2) + 1) *
         4;
}

void decode_attention_cuda(const DecodeAttention& a, const void* qkv, const std::int32_t* position, void* out,
                           DeviceStream stream, Overlap overlap) {
  cuda::require(a.dtype == DType::f16 || a.dtype == DType::bf16, "the type must be f16 or bf16");
  cuda::require(a.head_dim > 0 && a.head_dim % 8 == 0 && a.head_dim <= 256,
                "a head must have a multiple of 8 elements, at most 256");
  cuda::require(a.kv_heads > 0 && a.heads > 0 && a.heads % a.kv_heads == 0 && a.heads < 65536,
                "the key heads must divide the query heads");
  static const int multiprocessors = [] {
    const auto info = device_info();
    return info ? info->multiprocessors : 1;
  }();
  const int splits = cuda::choose_splits(a, multiprocessors);
  cuda::require(splits == 1 || a.scratch != nullptr, "long sequences need scratch memory");
  auto* arrived = static_cast<unsigned*>(a.scratch);
  int lanes = 1;
  while (lanes * 8 < a.head_dim) lanes *= 2;
  constexpr float kLog2E = 1.44269504F;
  const cuda::AttentionArgs args{qkv,
                                 position,
                                 out,
                                 a.keys,
                                 a.values,
                                 reinterpret_cast<float*>(arrived + a.heads),
                                 arrived,
                                 a.query_norm,
                                 a.key_norm,
                                 a.cosines,
                                 a.sines,
                                 a.capacity,
                                 static_cast<int>(a.heads),
                                 static_cast<int>(a.kv_heads),
                                 static_cast<int>(a.head_dim),
                                 static_cast<int>(std::min<std::int64_t>(a.window, 1 << 30)),
                                 splits,
                                 lanes,
                                 a.scale * kLog2E,
                                 a.epsilon};
  auto* queue = static_cast<cudaStream_t>(stream);
  const int working = static_cast<int>(a.heads) * splits;
  const int blocks = overlap == Overlap::two ? std::max(multiprocessors, working) : working;
  if (a.dtype == DType::f16) return cuda::launch<__half>(args, blocks, overlap, queue);
  cuda::launch<__nv_bfloat16>(args, blocks, overlap, queue);
}

}  // namespace lacuna::kernels
