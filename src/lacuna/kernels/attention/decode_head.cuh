// One query head of a decoding step, by one block (decode_keys.cuh); where several blocks share a head, its last one to
// end merges what the others left in device memory.
#pragma once

#include <cstdint>

#include "lacuna/kernels/attention/cuda.hpp"
#include "lacuna/kernels/attention/decode_keys.cuh"

namespace lacuna::kernels::cuda {

struct HeadArgs {
  void* keys;
  void* values;
  float* parts;       // of every block of a head, where there are several: splits()·part_floats a head
  unsigned* arrived;  // a head
  const float* query_norm;
  const float* key_norm;
  const float* cosines;
  const float* sines;
  int capacity;
  int heads;
  int kv_heads;
  int sharing;             // query heads of a key head
  unsigned key_head_step;  // 2^31 / sharing, rounded up: head times this is its key head times 2^31, and less than 2^31
  int d;
  int window;
  int split_bits;  // 2^split_bits blocks a head
  int group_bits;  // 2^group_bits lanes hold one key: at least d / 8
  float scale;     // times log2(e)
  float epsilon;

  __host__ __device__ int splits() const { return 1 << split_bits; }
  __host__ __device__ int blocks() const { return heads << split_bits; }
};

// Of a device with that many multiprocessors. Throws for what the kernels do not support.
HeadArgs make_head_args(const DecodeAttention& attention, int multiprocessors);

constexpr int kMostAttentionSplits = 8;
static_assert(kMostAttentionSplits <= kMostMerged);

// f32 in shared memory, aligned to 16 bytes, that a block of that many threads needs: the query; the newest key and
// value as the cache's type; parts.
__host__ __device__ constexpr int head_floats(int d, int threads) {
  const int parts = threads / 32;
  return 2 * d + (parts > kMostAttentionSplits ? parts : kMostAttentionSplits) * part_floats(d);
}

// The first rows begin … end−1 of keys and values on their way to L2.
template <typename T>
__device__ __forceinline__ void prefetch_keys(const KeyRows<T>& cache, int begin, int end, int d) {
  constexpr int kLine = 64;  // elements
  constexpr int kMostRows = 256;
  const int lines = (min(end - begin, kMostRows) * d + kLine - 1) / kLine;
  for (int i = static_cast<int>(threadIdx.x); i < lines; i += static_cast<int>(blockDim.x)) {
    const long long at = static_cast<long long>(cache.first + begin) * d + i * kLine;
    asm volatile("prefetch.global.L2 [%0];" ::"l"(cache.keys + at));
    asm volatile("prefetch.global.L2 [%0];" ::"l"(cache.values + at));
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

// The block's part of a head's keys. All threads of the block call the functions.
template <typename T>
class DecodeHead {
 public:
  __device__ __forceinline__ DecodeHead(const HeadArgs& args, int block, int position)
      : args_(args),
        by_{args.d, args.group_bits},
        rank_(block & (args.splits() - 1)),
        head_(block >> args.split_bits),
        kv_head_(static_cast<int>(static_cast<unsigned long long>(head_) * args.key_head_step >> 31)),
        position_(position),
        cache_{static_cast<T*>(args.keys), static_cast<T*>(args.values), kv_head_ * args.capacity} {
    __builtin_assume(__isGlobal(cache_.keys));  // the arguments may lie in shared memory, which hides it
    __builtin_assume(__isGlobal(cache_.values));

    const int first = args.window > 0 ? max(0, position - args.window + 1) : 0;
    const int share = (position - first + args.splits()) >> args.split_bits;
    seen_ = {first + rank_ * share, min(first + (rank_ + 1) * share, position + 1)};
    stores_ = head_ == kv_head_ * args.sharing && seen_.first <= position && seen_.last > position;
  }

  __device__ __forceinline__ void prefetch() const { prefetch_keys(cache_, seen_.first, end_of_cached(), by_.d); }

  // Each group's first keys on their way to registers, which run() needs: older than the newest token's products.
  __device__ __forceinline__ void load() {
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const int first = seen_.first + i * kTogether * by_.stride();
      if (seen_.first < end_of_cached() && first + by_.first_of_warp() < seen_.last) {
        loaded_[i].load(by_, cache_, first + by_.own(), end_of_cached());
      } else {
        loaded_[i].clear();
      }
    }
  }

  __device__ __forceinline__ int head() const { return head_; }
  __device__ __forceinline__ int kv_head() const { return kv_head_; }

  // query, key and value: the head's d elements of the newest token, as its products gave them, aligned to 16 bytes,
  // which warps 0, 1 and 2 read. rope: the position's. shared: head_floats. store(c, v): element c of the head's
  // output, called by one block of a head, once an element.
  template <typename Store>
  __device__ __forceinline__ void run(const T* query, const T* key, const T* value, const RopeRows& rope, float* shared,
                                      Store store) {
    const int d = by_.d;
    float* q = shared;
    T* newest = reinterpret_cast<T*>(q + d);
    float* parts = q + 2 * d;
    const int warp = static_cast<int>(threadIdx.x) / 32;
    if (warp < 2) prepare(warp == 1, warp == 1 ? key : query, rope, q, newest);
    if (warp == 2) store_value(value, newest + d);
    __syncthreads();
    Running run;
    attend<T>(by_, cache_, {newest, newest + d, 0}, seen_, position_, loaded_, q, run);
    merge_warp(by_.lanes(), run);
    store_part(by_, run, parts + warp * part_floats(d));
    __syncthreads();
    finish(parts, static_cast<int>(blockDim.x) / 32, store);
  }

 private:
  __device__ __forceinline__ int end_of_cached() const { return min(seen_.last, position_); }

  // Where the newest key and value go in the cache, after its keys or its values.
  __device__ __forceinline__ T* place(T* rows) const {
    return rows + static_cast<long long>(cache_.first + position_) * by_.d;
  }

  // The query or the newest key, rounded to the type, for the block and the cache.
  __device__ __forceinline__ void prepare(bool is_key, const T* in, const RopeRows& rope, float* q, T* newest) const {
    const float* norm = is_key ? args_.key_norm : args_.query_norm;
    const float scale = is_key ? 1.0F : args_.scale;
    prepare_head<T>(in, norm, rope, by_.d, args_.epsilon, scale, [&](int i, const float(&v)[4]) {
      if (!is_key) {
        *reinterpret_cast<float4*>(q + i) = make_float4(v[0], v[1], v[2], v[3]);
        return;
      }
      const uint2 rounded = round_four<T>(v);
      *reinterpret_cast<uint2*>(newest + i) = rounded;
      if (stores_) *reinterpret_cast<uint2*>(place(cache_.keys) + i) = rounded;
    });
  }

  __device__ __forceinline__ void store_value(const T* value, T* newest) const {
    const int at = static_cast<int>(threadIdx.x) % 32 * 8;
    if (at >= by_.d) return;
    const uint4 octet = *reinterpret_cast<const uint4*>(value + at);
    *reinterpret_cast<uint4*>(newest + at) = octet;
    if (stores_) *reinterpret_cast<uint4*>(place(cache_.values) + at) = octet;
  }

  // f(c, merged) for every element of n parts, by one lane of a warp that is here as a whole: d is a multiple of 8.
  template <typename F>
  __device__ __forceinline__ void for_each_merged(const float* parts, int n, F f) const {
    for (int c = static_cast<int>(threadIdx.x) / 4; c < by_.d; c += static_cast<int>(blockDim.x) / 4) {
      const Merged merged = merge(parts, n, by_.d, c);
      if (threadIdx.x % 4 == 0) f(c, merged);
    }
  }

  template <typename Store>
  __device__ __forceinline__ void finish(float* parts, int n, Store store) const {
    const auto store_quotient = [&](int c, const Merged& merged) { store(c, __fdividef(merged.value, merged.sum)); };
    if (args_.split_bits == 0) return for_each_merged(parts, n, store_quotient);
    const int d = by_.d;
    const int splits = args_.splits();
    float* shares = args_.parts + static_cast<long long>(head_) * splits * part_floats(d);
    float* own = shares + rank_ * part_floats(d);
    for_each_merged(parts, n, [&](int c, const Merged& merged) {
      own[c] = merged.value;
      if (c > 0) return;
      own[d] = merged.most;
      own[d + 1] = merged.sum;
    });
    if (!is_last_block(args_.arrived + head_, splits)) return;
    for (int i = static_cast<int>(threadIdx.x); i < splits * part_floats(d); i += static_cast<int>(blockDim.x)) {
      parts[i] = __ldcg(shares + i);
    }
    __syncthreads();
    for_each_merged(parts, splits, store_quotient);
  }

  const HeadArgs& args_;
  KeyGroups by_;
  int rank_;
  int head_;
  int kv_head_;
  int position_;
  KeyRows<T> cache_;
  Seen seen_;
  bool stores_;  // the newest key and value: the first head that shares them, its block that sees them
  SomeKeys<T> loaded_[kAhead];
};

}  // namespace lacuna::kernels::cuda
