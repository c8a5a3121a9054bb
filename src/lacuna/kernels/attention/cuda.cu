// The kernel of cuda.hpp. One or several blocks own one query head, each a part of its keys (decode_head.cuh).
//
// For Overlap::two there are as many blocks as multiprocessors, as large as the products' (gemv/cuda.cu); those beyond
// the heads only wait.
#include <algorithm>
#include <cmath>
#include <string>

#include "lacuna/kernels/attention/cuda.hpp"
#include "lacuna/kernels/attention/decode_head.cuh"
#include "lacuna/kernels/device/check.cuh"

namespace lacuna::kernels {
namespace cuda {
namespace {

constexpr int kThreads = 256;

struct AttentionArgs {
  HeadArgs head;
  const void* qkv;
  const std::int32_t* position;
  void* out;
};

template <typename T>
__global__ void __launch_bounds__(kThreads) decode_attention_kernel(const __grid_constant__ AttentionArgs args) {
  extern __shared__ __align__(16) float shared[];
  const HeadArgs& a = args.head;
  let_next_grid_start();
  if (static_cast<int>(blockIdx.x) >= a.blocks()) return wait_for_previous_grids();
  DecodeHead<T> own(a, static_cast<int>(blockIdx.x), *args.position);
  own.prefetch();
  own.load();
  const RopeRows rope = rope_rows(a, *args.position);
  wait_for_previous_grids();
  const T* qkv = static_cast<const T*>(args.qkv);
  const T* key = qkv + (a.heads + own.kv_head()) * a.d;
  T* out = static_cast<T*>(args.out) + own.head() * a.d;
  own.run(qkv + own.head() * a.d, key, key + a.kv_heads * a.d, rope, shared,
          [&](int c, float v) { out[c] = from_f32<T>(v); });
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
  const int floats = head_floats(args.head.d, kThreads);
  const auto bytes = static_cast<std::size_t>(overlap == Overlap::two ? std::max(floats * 4, kLeastOfTwo) : floats * 4);
  launch_overlapping(kernel, args, dim3(blocks), dim3(kThreads), bytes, overlap, stream);
}

// More than one block a head, 2^bits, pays when the keys of a head are many. A function of what a graph does not
// change.
int choose_split_bits(const DecodeAttention& a, int multiprocessors) {
  constexpr std::int64_t kKeysOfABlock = 256;
  const auto seen = a.window > 0 ? std::min(a.window, a.capacity) : a.capacity;
  int bits = 0;
  while (1 << bits < kMostAttentionSplits && a.heads << (bits + 1) <= multiprocessors && seen > kKeysOfABlock << bits) {
    ++bits;
  }
  return bits;
}

}  // namespace

HeadArgs make_head_args(const DecodeAttention& a, int multiprocessors) {
  require(a.dtype == DType::f16 || a.dtype == DType::bf16, "the type must be f16 or bf16");
  require(a.head_dim > 0 && a.head_dim % 8 == 0 && a.head_dim <= 256,
          "a head must have a multiple of 8 elements, at most 256");
  require(a.kv_heads > 0 && a.heads > 0 && a.heads % a.kv_heads == 0 && a.heads < 32768,
          "the key heads must divide the query heads");
  require(a.capacity >= 0 && a.capacity < (std::int64_t{1} << 31) / a.kv_heads, "there must be less than 2^31 keys");
  const int split_bits = choose_split_bits(a, multiprocessors);
  require(split_bits == 0 || a.scratch != nullptr, "long sequences need scratch memory");
  auto* arrived = static_cast<unsigned*>(a.scratch);
  int group_bits = 0;
  while (8 << group_bits < a.head_dim) ++group_bits;
  const auto sharing = static_cast<int>(a.heads / a.kv_heads);
  constexpr float kLog2E = 1.44269504F;
  return {a.keys,
          a.values,
          reinterpret_cast<float*>(arrived + a.heads),
          arrived,
          a.query_norm,
          a.key_norm,
          a.cosines,
          a.sines,
          static_cast<int>(a.capacity),
          static_cast<int>(a.heads),
          static_cast<int>(a.kv_heads),
          sharing,
          (1U << 31) / static_cast<unsigned>(sharing) + 1,
          static_cast<int>(a.head_dim),
          static_cast<int>(std::min<std::int64_t>(a.window, 1 << 30)),
          split_bits,
          group_bits,
          a.scale * kLog2E,
          a.epsilon};
}

}  // namespace cuda

std::size_t decode_attention_scratch_bytes(std::int64_t heads, std::int64_t head_dim) {
  const auto floats = static_cast<std::size_t>(cuda::part_floats(static_cast<int>(head_dim)));
  return static_cast<std::size_t>(heads) * (cuda::kMostAttentionSplits * floats + 1) * 4;
}

void decode_attention_cuda(const DecodeAttention& a, const void* qkv, const std::int32_t* position, void* out,
                           DeviceStream stream, Overlap overlap) {
  const int multiprocessors = device_multiprocessors();
  const cuda::HeadArgs head = cuda::make_head_args(a, multiprocessors);
  const cuda::AttentionArgs args{head, qkv, position, out};
  auto* queue = static_cast<cudaStream_t>(stream);
  const int working = head.blocks();
  const int blocks = overlap == Overlap::two ? std::max(multiprocessors, working) : working;
  if (a.dtype == DType::f16) return cuda::launch<__half>(args, blocks, overlap, queue);
  cuda::launch<__nv_bfloat16>(args, blocks, overlap, queue);
}

}  // namespace lacuna::kernels
