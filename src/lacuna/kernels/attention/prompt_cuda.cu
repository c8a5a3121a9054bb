// The kernels of prompt_cuda.hpp. First every key of the chunk is rotated and stored with its value, one warp a vector.
// Then one block owns 64 neighbouring queries of a head, 16 a warp, and goes through the keys that any of them sees, 64
// at a time in two stages of shared memory. Scores and weighted values run on tensor cores: a warp's scores, 16 queries
// × 64 keys, become weights where they lie, since sums of one instruction are operand A of the next.
//
// Vectors are filled with zeros to kD elements; in shared memory they lie an odd number of octets apart, so that the
// eight that ldmatrix reads at once lie in different banks.
#include <algorithm>
#include <string>

#include "lacuna/kernels/attention/prompt_cuda.hpp"
#include "lacuna/kernels/attention/prompt_steps.cuh"
#include "lacuna/kernels/attention/steps.cuh"
#include "lacuna/kernels/device/check.cuh"

namespace lacuna::kernels {
namespace cuda {
namespace {

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
  float scale;  // times log2(e)
  float epsilon;
};

// One warp a block: blockIdx.y names a key head, or a value head behind them.
template <typename T>
__global__ void store_keys_kernel(const __grid_constant__ PromptArgs args) {
  const int token = static_cast<int>(blockIdx.x);
  const int position = args.position + token;
  const int head = static_cast<int>(blockIdx.y) % args.kv_heads;
  const bool is_key = static_cast<int>(blockIdx.y) < args.kv_heads;
  const T* in =
      static_cast<const T*>(args.qkv) + token * args.qkv_stride + (args.heads + static_cast<int>(blockIdx.y)) * args.d;
  const long long place = (head * args.capacity + position) * args.d;
  if (is_key) {
    T* key = static_cast<T*>(args.keys) + place;
    prepare_head<T>(in, args.key_norm, rope_rows(args, position), args.d, args.epsilon, 1.0F,
                    [&](int i, const float(&v)[4]) { *reinterpret_cast<uint2*>(key + i) = round_four<T>(v); });
    return;
  }
  for (int i = static_cast<int>(threadIdx.x); i < args.d; i += 32) static_cast<T*>(args.values)[place + i] = in[i];
}

// This warp's queries as the type, in shared memory.
template <typename T, int kD>
__device__ __forceinline__ void prepare_queries(const PromptArgs& args, int first_token, int head,
                                                unsigned char* queries) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (int i = 0; i < 16; ++i) {
    const int token = min(first_token + i, args.tokens - 1);
    const int position = args.position + token;
    T* out = reinterpret_cast<T*>(queries + i * kVectorBytes<kD>);
    prepare_head<T>(static_cast<const T*>(args.qkv) + token * args.qkv_stride + head * args.d, args.query_norm,
                    rope_rows(args, position), args.d, args.epsilon, args.scale,
                    [&](int c, const float(&v)[4]) { *reinterpret_cast<uint2*>(out + c) = round_four<T>(v); });
    for (int c = args.d + lane; c < kD; c += 32) out[c] = from_f32<T>(0.0F);
  }
}

template <typename T, int kD>
__global__ void __launch_bounds__(kThreads) prompt_attention_kernel(const __grid_constant__ PromptArgs args) {
  extern __shared__ __align__(16) unsigned char shared[];
  constexpr int kStage = kKeys * kVectorBytes<kD>;
  const int d = args.d;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int head = static_cast<int>(blockIdx.y);
  const int first_token = static_cast<int>(blockIdx.x) * kQueries;
  const int own_token = first_token + 16 * warp;
  const unsigned stages = shared_address(shared) + kQueries * kVectorBytes<kD>;
  const auto seen_by = [&](int token) {
    const int position = args.position + min(token, args.tokens - 1);
    return Seen{args.window > 0 ? max(0, position - args.window + 1) : 0, position + 1};
  };
  const Seen seen[2] = {seen_by(own_token + lane / 4), seen_by(own_token + lane / 4 + 8)};
  const int begin = seen_by(first_token).first;
  const int end = seen_by(first_token + kQueries - 1).last;
  const long long of_head = head / (args.heads / args.kv_heads) * args.capacity * d;
  const auto fetch = [&](int key, int stage) {
    if (key < end) {
      const unsigned to = stages + stage * 2 * kStage;
      fetch_vectors<T, kD>(static_cast<const T*>(args.keys) + of_head, key, end, d, to);
      fetch_vectors<T, kD>(static_cast<const T*>(args.values) + of_head, key, end, d, to + kStage);
    }
    end_copies();
  };
  fetch(begin, 0);
  prepare_queries<T, kD>(args, own_token, head, shared + 16 * warp * kVectorBytes<kD>);
  Sixteen<kD> own;
  int stage = 0;
  for (int key = begin; key < end; key += kKeys, stage ^= 1) {
    fetch(key + kKeys, stage ^ 1);
    wait_for_copies<1>();
    __syncthreads();
    const unsigned keys = stages + stage * 2 * kStage;
    float scores[kKeys / 8][4] = {};
    score<T, kD>(shared_address(shared) + 16 * warp * kVectorBytes<kD>, keys, scores);
    weigh<kD>(scores, key, seen, own);
    add_values<T, kD>(scores, keys + kStage, own);
    __syncthreads();  // all have left the stage
  }
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    float sum = own.sum[r];
    sum += __shfl_xor_sync(~0U, sum, 1);
    sum += __shfl_xor_sync(~0U, sum, 2);
    const int token = own_token + lane / 4 + 8 * r;
    if (token >= args.tokens) continue;
    T* out = static_cast<T*>(args.out) + token * args.out_stride + head * d;
#pragma unroll
    for (int n = 0; n < kD / 8; ++n) {
      const int c = 8 * n + lane % 4 * 2;
      if (c >= d) continue;
      out[c] = from_f32<T>(own.values[n][2 * r] / sum);
      out[c + 1] = from_f32<T>(own.values[n][2 * r + 1] / sum);
    }
  }
}

template <typename T, int kD>
void launch_width(const PromptArgs& args, cudaStream_t stream) {
  auto* kernel = prompt_attention_kernel<T, kD>;
  static const cudaError_t raised =
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kBlockBytes<kD>);
  check_cuda(raised, "raise the shared memory limit");
  const dim3 blocks(static_cast<unsigned>((args.tokens + kQueries - 1) / kQueries), static_cast<unsigned>(args.heads));
  kernel<<<blocks, kThreads, kBlockBytes<kD>, stream>>>(args);
  check_cuda(cudaGetLastError(), "launch attention");
}

template <typename T>
void launch(const PromptArgs& args, cudaStream_t stream) {
  const dim3 vectors(static_cast<unsigned>(args.tokens), static_cast<unsigned>(2 * args.kv_heads));
  store_keys_kernel<T><<<vectors, 32, 0, stream>>>(args);
  check_cuda(cudaGetLastError(), "launch storing of keys");
  if (args.d <= 32) return launch_width<T, 32>(args, stream);
  if (args.d <= 64) return launch_width<T, 64>(args, stream);
  if (args.d <= 128) return launch_width<T, 128>(args, stream);
  launch_width<T, 256>(args, stream);
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
                              a.scale * kLog2E,
                              a.epsilon};
  auto* queue = static_cast<cudaStream_t>(stream);
  if (a.dtype == DType::f16) return cuda::launch<__half>(args, queue);
  cuda::launch<__nv_bfloat16>(args, queue);
}

}  // namespace lacuna::kernels
