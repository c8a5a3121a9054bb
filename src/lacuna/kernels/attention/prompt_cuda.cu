// The kernels of prompt_cuda.hpp. First every key of the chunk is rotated and stored with its value, one warp a vector;
// then one block owns four neighbouring queries of a head, whose warps go through the keys that any of them sees.
#include <algorithm>
#include <string>

#include "lacuna/kernels/attention/prompt_cuda.hpp"
#include "lacuna/kernels/attention/steps.cuh"
#include "lacuna/kernels/device/check.cuh"

namespace lacuna::kernels {
namespace cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kQueries = 4;   // of a block
constexpr int kTogether = 2;  // keys of a group loaded at a time

struct PromptArgs {
  const void* qkv;
  void* out;
  void* keys;
  void* values;
  const float* query_norm;
  const float* key_norm;
  const float* cosines;
  const float* sines;
  long long qkv_stride;
  long long out_stride;
  long long capacity;
  int tokens;
  int position;  // of the chunk's first token
  int heads;
  int kv_heads;
  int d;
  int window;
  int group_lanes;
  float scale;  // times log2(e)
  float epsilon;
};

__device__ __forceinline__ const float* rotation(const float* table, int position, int d) {
  return table == nullptr ? nullptr : table + static_cast<long long>(position) * (d / 2);
}

// One warp a block: blockIdx.y names a key head, or a value head behind them.
template <typename T>
__global__ void store_keys_kernel(const __grid_constant__ PromptArgs args) {
  extern __shared__ float vector[];
  const int token = static_cast<int>(blockIdx.x);
  const int position = args.position + token;
  const int head = static_cast<int>(blockIdx.y) % args.kv_heads;
  const bool is_key = static_cast<int>(blockIdx.y) < args.kv_heads;
  const T* in =
      static_cast<const T*>(args.qkv) + token * args.qkv_stride + (args.heads + static_cast<int>(blockIdx.y)) * args.d;
  const long long place = (head * args.capacity + position) * args.d;
  if (is_key) {
    prepare_head<T>(in, args.key_norm, rotation(args.cosines, position, args.d), rotation(args.sines, position, args.d),
                    args.d, args.epsilon, 1.0F, vector);
    round_head<T>(vector, args.d, static_cast<T*>(args.keys) + place);
    return;
  }
  for (int i = static_cast<int>(threadIdx.x); i < args.d; i += 32) static_cast<T*>(args.values)[place + i] = in[i];
}

template <typename T>
__global__ void __launch_bounds__(kThreads) prompt_attention_kernel(const __grid_constant__ PromptArgs args) {
  extern __shared__ float shared[];
  const int d = args.d;
  float* q = shared;
  float* parts = q + kQueries * d;
  const int first_token = static_cast<int>(blockIdx.x) * kQueries;
  const int head = static_cast<int>(blockIdx.y);
  const int kv_head = head / (args.heads / args.kv_heads);
  const int warp = static_cast<int>(threadIdx.x) / 32;
  if (warp < kQueries) {
    const int token = min(first_token + warp, args.tokens - 1);
    const int position = args.position + token;
    prepare_head<T>(static_cast<const T*>(args.qkv) + token * args.qkv_stride + head * d, args.query_norm,
                    rotation(args.cosines, position, d), rotation(args.sines, position, d), d, args.epsilon, args.scale,
                    q + warp * d);
  }
  __syncthreads();
  Seen seen[kQueries];
  Running runs[kQueries];
#pragma unroll
  for (int i = 0; i < kQueries; ++i) {
    const int position = args.position + min(first_token + i, args.tokens - 1);
    seen[i] = {args.window > 0 ? max(0, position - args.window + 1) : 0, position + 1};
  }
  const long long of_head = kv_head * args.capacity * d;
  attend<T, kQueries, kTogether>({d, args.group_lanes}, static_cast<const T*>(args.keys) + of_head,
                                 static_cast<const T*>(args.values) + of_head, seen[0].first, seen[kQueries - 1].last,
                                 q, seen, runs);
  const int group = static_cast<int>(threadIdx.x) / args.group_lanes;
  const int groups = kThreads / args.group_lanes;
  const int at = static_cast<int>(threadIdx.x) % 32 % args.group_lanes * 8;
#pragma unroll
  for (int i = 0; i < kQueries; ++i) {
    if (at >= d) break;
    float* part = parts + (i * groups + group) * (d + 2);
    part[0] = runs[i].most;
    part[1] = runs[i].sum;
#pragma unroll
    for (int k = 0; k < 8; ++k) part[2 + at + k] = runs[i].value[k];
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < kQueries * d; i += kThreads) {
    const int token = first_token + i / d;
    if (token >= args.tokens) return;
    float most = 0.0F;
    float sum = 0.0F;
    float value = 0.0F;
    merge(parts + i / d * groups * (d + 2), groups, d, i % d, most, sum, value);
    static_cast<T*>(args.out)[token * args.out_stride + head * d + i % d] = from_f32<T>(value / sum);
  }
}

template <typename T>
void launch(const PromptArgs& args, cudaStream_t stream) {
  auto* kernel = prompt_attention_kernel<T>;
  static const cudaError_t raised =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kMaxSharedBytes);
  check_cuda(raised, "raise the shared memory limit");
  const dim3 vectors(static_cast<unsigned>(args.tokens), static_cast<unsigned>(2 * args.kv_heads));
  store_keys_kernel<T><<<vectors, 32, static_cast<std::size_t>(args.d) * 4, stream>>>(args);
  check_cuda(cudaGetLastError(), "launch storing of keys");
  const int floats = kQueries * (args.d + kThreads / args.group_lanes * (args.d + 2));
  const dim3 blocks(static_cast<unsigned>((args.tokens + kQueries - 1) / kQueries), static_cast<unsigned>(args.heads));
  kernel<<<blocks, kThreads, static_cast<std::size_t>(floats) * 4, stream>>>(args);
  check_cuda(cudaGetLastError(), "launch attention");
}

void require(bool condition, const char* what) {
  if (!condition) throw Error(ErrorCode::invalid_argument, std::string("attention on CUDA: ") + what);
}

}  // namespace
}  // namespace cuda

void prompt_attention_cuda(const DecodeAttention& a, const PromptChunk& chunk, DeviceStream stream) {
  cuda::require(a.dtype == DType::f16 || a.dtype == DType::bf16, "the type must be f16 or bf16");
  cuda::require(a.head_dim > 0 && a.head_dim % 8 == 0 && a.head_dim <= 256,
                "a head must have a multiple of 8 elements, at most 256");
  cuda::require(a.kv_heads > 0 && a.heads > 0 && a.heads % a.kv_heads == 0 && a.heads < 32768,
                "the key heads must divide the query heads");
  cuda::require(chunk.tokens > 0 && chunk.position >= 0 && chunk.position + chunk.tokens <= a.capacity,
                "the chunk must fit the cache");
  int lanes = 1;
  while (lanes * 8 < a.head_dim) lanes *= 2;
  constexpr float kLog2E = 1.44269504F;
  const cuda::PromptArgs args{chunk.qkv,
                              chunk.out,
                              a.keys,
                              a.values,
                              a.query_norm,
                              a.key_norm,
                              a.cosines,
                              a.sines,
                              chunk.qkv_stride,
                              chunk.out_stride,
                              a.capacity,
                              static_cast<int>(chunk.tokens),
                              static_cast<int>(chunk.position),
                              static_cast<int>(a.heads),
                              static_cast<int>(a.kv_heads),
                              static_cast<int>(a.head_dim),
                              static_cast<int>(std::min<std::int64_t>(a.window, 1 << 30)),
                              lanes,
                              a.scale * kLog2E,
                              a.epsilon};
  auto* queue = static_cast<cudaStream_t>(stream);
  if (a.dtype == DType::f16) return cuda::launch<__half>(args, queue);
  cuda::launch<__nv_bfloat16>(args, queue);
}

}  // namespace lacuna::kernels
