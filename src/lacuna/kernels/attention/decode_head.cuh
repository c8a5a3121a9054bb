// One query head of a decoding step, by one block: every group of lanes keeps a running maximum, sum and weighted value
// of its keys, which are merged over the block; where several blocks share a head, its last one to end merges what the
// others left in device memory.
#pragma once

#include <cmath>
#include <cstdint>

#include "lacuna/kernels/attention/cuda.hpp"
#include "lacuna/kernels/attention/steps.cuh"

namespace lacuna::kernels::cuda {

struct HeadArgs {
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

// Of a device with that many multiprocessors. Throws for what the kernels do not support.
HeadArgs make_head_args(const DecodeAttention& attention, int multiprocessors);

constexpr int kMostAttentionSplits = 8;

// f32 in shared memory that a block of that many threads needs.
__host__ __device__ constexpr int head_floats(int d, int threads) {
  const int parts = threads / 32 + 1;
  return 3 * d + (parts > kMostAttentionSplits ? parts : kMostAttentionSplits) * (d + 2);
}

// The first rows begin … end−1 of keys and values on their way to L2.
template <typename T>
__device__ __forceinline__ void prefetch_keys(const T* keys, const T* values, int begin, int end, int d) {
  constexpr int kLine = 64;  // elements
  constexpr int kMostRows = 64;
  const int lines = (min(end - begin, kMostRows) * d + kLine - 1) / kLine;
  for (int i = static_cast<int>(threadIdx.x); i < lines; i += static_cast<int>(blockDim.x)) {
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

// A position's cosines and sines, d/2 of each, or null.
struct RopeRows {
  const float* cosines;
  const float* sines;
};

__device__ __forceinline__ RopeRows rope_rows(const HeadArgs& args, int position) {
  const long long at = static_cast<long long>(position) * (args.d / 2);
  return args.cosines == nullptr ? RopeRows{} : RopeRows{args.cosines + at, args.sines + at};
}

// A warp's groups of lanes become one: every lane gets the merged sums of those that hold the same elements.
__device__ __forceinline__ void merge_warp(int lanes, Running& run) {
  for (int s = lanes; s < 32; s *= 2) {
    const float other_most = __shfl_xor_sync(~0U, run.most, s);
    const float most = fmaxf(run.most, other_most);
    const float base = most == -INFINITY ? 0.0F : most;
    const float own = exp2f(run.most - base);
    const float other = exp2f(other_most - base);
    run.most = most;
    run.sum = own * run.sum + other * __shfl_xor_sync(~0U, run.sum, s);
#pragma unroll
    for (int k = 0; k < 8; ++k) run.value[k] = own * run.value[k] + other * __shfl_xor_sync(~0U, run.value[k], s);
  }
}

// The block's part of a head's cached keys. All threads of the block call the functions.
template <typename T>
class DecodeHead {
 public:
  __device__ __forceinline__ DecodeHead(const HeadArgs& args, int block, int position)
      : args_(args), rank_(block % args.splits), head_(block / args.splits), position_(position) {
    sharing_ = args.heads / args.kv_heads;
    kv_head_ = head_ / sharing_;
    keys_ = static_cast<T*>(args.keys) + kv_head_ * args.capacity * args.d;
    values_ = static_cast<T*>(args.values) + kv_head_ * args.capacity * args.d;
    const int first = args.window > 0 ? max(0, position - args.window + 1) : 0;
    const int share = (position - first + args.splits - 1) / args.splits;
    seen_ = {first + rank_ * share, min(first + (rank_ + 1) * share, position)};
  }

  __device__ __forceinline__ void prefetch() const { prefetch_keys(keys_, values_, seen_.first, seen_.last, args_.d); }

  // Each group's first keys on their way to registers, which run() needs: older than the newest token's products.
  __device__ __forceinline__ void load() { loaded_.load(groups(), keys_, values_, seen_, groups().first(seen_)); }

  __device__ __forceinline__ int head() const { return head_; }
  __device__ __forceinline__ int kv_head() const { return kv_head_; }

  // q, key and value: the head's d elements of the newest token, as its products gave them. rope: the position's rows
  // of cosines and sines, or null. shared: head_floats. store(c, v): element c of the head's output, called by one
  // block of a head, once an element.
  template <typename Store>
  __device__ __forceinline__ void run(const T* query, const T* key, const T* value, const RopeRows& rope, float* shared,
                                      Store store) const {
    const int d = args_.d;
    float* q = shared;
    float* new_key = q + d;
    float* new_value = new_key + d;
    float* parts = new_value + d;
    const int warp = static_cast<int>(threadIdx.x) / 32;
    const int lane = static_cast<int>(threadIdx.x) % 32;
    prepare(query, key, value, rope, q, new_key, new_value);
    __syncthreads();

    Running run;
    const int lanes = args_.group_lanes;
    const int at = lane % lanes * 8;
    constexpr int kTogether = 4;  // keys of a group loaded at a time
    attend<T, kTogether>(groups(), keys_, values_, seen_, loaded_, q, run);
    merge_warp(lanes, run);
    if (lane < lanes && at < d) {
      float* part = parts + warp * (d + 2);
      part[0] = run.most;
      part[1] = run.sum;
#pragma unroll
      for (int k = 0; k < 8; ++k) part[2 + at + k] = run.value[k];
    }
    const int warps = static_cast<int>(blockDim.x) / 32;
    float* newest = parts + warps * (d + 2);
    if (warp == 0 && rank_ == 0) {  // the newest key, which the cache may not hold yet
      float dot = 0.0F;
      for (int i = lane; i < d; i += 32) dot = fmaf(q[i], new_key[i], dot);
#pragma unroll
      for (int s = 16; s > 0; s /= 2) dot += __shfl_xor_sync(~0U, dot, s);
      newest[0] = dot;
      newest[1] = 1.0F;
      for (int i = lane; i < d; i += 32) newest[2 + i] = new_value[i];
    }
    __syncthreads();
    finish(parts, warps + (rank_ == 0 ? 1 : 0), store);
  }

 private:
  __device__ __forceinline__ KeyGroups groups() const { return {args_.d, args_.group_lanes}; }

  __device__ __forceinline__ void prepare(const T* query, const T* key, const T* value, const RopeRows& rope, float* q,
                                          float* new_key, float* new_value) const {
    const int d = args_.d;
    const int warp = static_cast<int>(threadIdx.x) / 32;
    // The first block of the first head that shares a key stores it.
    const bool stores = rank_ == 0 && head_ % sharing_ == 0;
    const long long place = static_cast<long long>(position_) * d;
    if (warp == 0) {
      prepare_head<T>(query, args_.query_norm, rope.cosines, rope.sines, d, args_.epsilon, args_.scale, q);
    } else if (warp == 1 && rank_ == 0) {
      prepare_head<T>(key, args_.key_norm, rope.cosines, rope.sines, d, args_.epsilon, 1.0F, new_key);
      round_head<T>(new_key, d, stores ? keys_ + place : nullptr);
    } else if (warp == 2 && rank_ == 0) {
      for (int i = static_cast<int>(threadIdx.x) % 32; i < d; i += 32) new_value[i] = to_f32(value[i]);
      round_head<T>(new_value, d, stores ? values_ + place : nullptr);
    }
  }

  template <typename Store>
  __device__ __forceinline__ void finish(float* parts, int n, Store store) const {
    const int d = args_.d;
    const int splits = args_.splits;
    const int first = static_cast<int>(threadIdx.x) / 4;
    const int step = static_cast<int>(blockDim.x) / 4;
    const bool stores = threadIdx.x % 4 == 0;
    float* shares = args_.parts + static_cast<long long>(head_) * splits * (d + 2);
    float most = 0.0F;
    float sum = 0.0F;
    float value = 0.0F;
    for (int c = first; c < d; c += step) {  // d is a multiple of 8: warps stay together
      merge(parts, n, d, c, most, sum, value);
      if (!stores) continue;
      if (splits == 1) {
        store(c, value / sum);
        continue;
      }
      float* share_out = shares + rank_ * (d + 2);
      if (c == 0) {
        share_out[0] = most;
        share_out[1] = sum;
      }
      share_out[2 + c] = value;
    }
    if (splits == 1 || !is_last_block(args_.arrived + head_, splits)) return;
    for (int i = static_cast<int>(threadIdx.x); i < splits * (d + 2); i += static_cast<int>(blockDim.x)) {
      parts[i] = __ldcg(shares + i);
    }
    __syncthreads();
    for (int c = first; c < d; c += step) {
      merge(parts, splits, d, c, most, sum, value);
      if (stores) store(c, value / sum);
    }
  }

  const HeadArgs& args_;
  int rank_;
  int head_;
  int position_;
  int sharing_;
  int kv_head_;
  T* keys_;
  T* values_;
  Seen seen_;
  KeyRound<T, 2> loaded_;
};

}  // namespace lacuna::kernels::cuda
