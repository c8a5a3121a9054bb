// A query of a decoding step over its keys, by one block: every group of lanes keeps a running maximum, sum and
// weighted value of its own, which become one part a warp, and the parts the head's output.
#pragma once

#include <cmath>

#include "lacuna/kernels/attention/steps.cuh"

namespace lacuna::kernels::cuda {

// Softmax over some keys: their greatest score, the sum of 2^(score − greatest), and a lane's part of the weighted
// value.
struct Running {
  float most = -INFINITY;
  float sum = 0.0F;
  float value[8] = {};
};

template <typename T>
__device__ __forceinline__ void widen(const uint4& raw, float (&out)[8]) {
  const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    const float2 pair = pair_to_f32<T>(words[k]);
    out[2 * k] = pair.x;
    out[2 * k + 1] = pair.y;
  }
}

// 2^x, of which less than 2^-126 is 0.
__device__ __forceinline__ float power_of_two(float x) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
}

// Lanes form groups that hold one key at a time, 8 elements a lane; neighbouring groups hold neighbouring keys.
struct KeyGroups {
  int d;
  int bits;  // 2^bits lanes a group, at least d / 8

  __device__ __forceinline__ int lanes() const { return 1 << bits; }
  __device__ __forceinline__ int stride() const { return static_cast<int>(blockDim.x) >> bits; }  // groups of a block
  __device__ __forceinline__ int own() const { return static_cast<int>(threadIdx.x) >> bits; }    // this lane's
  __device__ __forceinline__ int first_of_warp() const { return static_cast<int>(threadIdx.x & ~31U) >> bits; }
  __device__ __forceinline__ int element() const { return (static_cast<int>(threadIdx.x) & (lanes() - 1)) * 8; }
};

// Rows of d elements, a head's from row `first` on.
template <typename T>
struct KeyRows {
  T* keys;
  T* values;
  int first;
};

constexpr int kTogether = 2;  // keys of a group that are attended to at a time, a block's groups apart
constexpr int kAhead = 2;     // times as many are in registers, or on their way there

// A lane's part of kTogether keys of its group and their values: key, key + stride, …
template <typename T>
struct SomeKeys {
  uint4 keys[kTogether];
  uint4 values[kTogether];

  // Cached ones on their way to registers. There is a key before `end`, which stands in for those from there on; a lane
  // behind the end of a row has some of its elements.
  __device__ __forceinline__ void load(const KeyGroups& by, const KeyRows<T>& cache, int key, int end) {
    const int at = min(by.element(), by.d - 8);
#pragma unroll
    for (int u = 0; u < kTogether; ++u) {
      const long long row = static_cast<long long>(cache.first + min(key + u * by.stride(), end - 1)) * by.d;
      keys[u] = *reinterpret_cast<const uint4*>(cache.keys + at + row);
      values[u] = *reinterpret_cast<const uint4*>(cache.values + at + row);
    }
  }

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int u = 0; u < kTogether; ++u) keys[u] = values[u] = make_uint4(0, 0, 0, 0);
  }

  // The newest key and its value, in shared memory, where it is one of them.
  __device__ __forceinline__ void take(const KeyGroups& by, const KeyRows<T>& newest, int key, int position) {
    const int at = by.element();
#pragma unroll
    for (int u = 0; u < kTogether; ++u) {
      if (key + u * by.stride() != position || at >= by.d) continue;
      keys[u] = *reinterpret_cast<const uint4*>(newest.keys + at);
      values[u] = *reinterpret_cast<const uint4*>(newest.values + at);
    }
  }
};

// One query and some keys of this lane's group, as far as they come before `end`.
template <typename T>
__device__ __forceinline__ void attend_some(const KeyGroups& by, int key, int end, const float (&q)[8],
                                            const SomeKeys<T>& some, Running& run) {
  float score[kTogether];
#pragma unroll
  for (int u = 0; u < kTogether; ++u) {
    float k8[8];
    widen<T>(some.keys[u], k8);
    float dots[2] = {};  // of even and of odd elements
#pragma unroll
    for (int k = 0; k < 8; ++k) dots[k % 2] = fmaf(q[k], k8[k], dots[k % 2]);
    score[u] = dots[0] + dots[1];
  }
#pragma unroll
  for (int s = 1; s < 32; s *= 2) {
    if (s >= by.lanes()) break;
#pragma unroll
    for (int u = 0; u < kTogether; ++u) score[u] += __shfl_xor_sync(~0U, score[u], s);
  }
  float most = run.most;
#pragma unroll
  for (int u = 0; u < kTogether; ++u) {
    if (key + u * by.stride() >= end) score[u] = -INFINITY;
    most = fmaxf(most, score[u]);
  }
  const float base = most == -INFINITY ? 0.0F : most;  // no key yet: nothing to shrink
  const float shrink = power_of_two(run.most - base);
  run.most = most;
  run.sum *= shrink;
#pragma unroll
  for (int k = 0; k < 8; ++k) run.value[k] *= shrink;
#pragma unroll
  for (int u = 0; u < kTogether; ++u) {
    const float weight = power_of_two(score[u] - base);
    run.sum += weight;
    float v8[8];
    widen<T>(some.values[u], v8);
#pragma unroll
    for (int k = 0; k < 8; ++k) run.value[k] = fmaf(weight, v8[k], run.value[k]);
  }
}

// One query, in shared memory, over the keys that it sees: those before `position` cached, the newest one apart. some:
// each group's first ones. All lanes of a warp go through the same turns.
template <typename T>
__device__ __forceinline__ void attend(const KeyGroups& by, const KeyRows<T>& cache, const KeyRows<T>& newest,
                                       const Seen& seen, int position, SomeKeys<T> (&some)[kAhead], const float* q,
                                       Running& run) {
  float own_q[8] = {};
  if (by.element() < by.d) {
    const auto* from = reinterpret_cast<const float4*>(q + by.element());
    reinterpret_cast<float4*>(own_q)[0] = from[0];
    reinterpret_cast<float4*>(own_q)[1] = from[1];
  }
  const int step = kTogether * by.stride();
  int first = seen.first + by.first_of_warp();
  int own = seen.first + by.own();
  while (true) {
#pragma unroll
    for (int i = 0; i < kAhead; ++i, first += step, own += step) {
      if (first >= seen.last) return;
      some[i].take(by, newest, own, position);
      attend_some<T>(by, own, seen.last, own_q, some[i], run);
      if (first + kAhead * step >= seen.last) continue;
      some[i].load(by, cache, own + kAhead * step, min(seen.last, position));
    }
  }
}

// A warp's groups of lanes become one: every lane gets the merged sums of those that hold the same elements.
__device__ __forceinline__ void merge_warp(int lanes, Running& run) {
  for (int s = lanes; s < 32; s *= 2) {
    const float other_most = __shfl_xor_sync(~0U, run.most, s);
    const float most = fmaxf(run.most, other_most);
    const float base = most == -INFINITY ? 0.0F : most;
    const float own = power_of_two(run.most - base);
    const float other = power_of_two(other_most - base);
    run.most = most;
    run.sum = own * run.sum + other * __shfl_xor_sync(~0U, run.sum, s);
#pragma unroll
    for (int k = 0; k < 8; ++k) run.value[k] = own * run.value[k] + other * __shfl_xor_sync(~0U, run.value[k], s);
  }
}

constexpr int kMostMerged = 16;

// f32 of a part: value[d], most, sum, and as many more as put the same element of neighbouring parts 8 banks apart.
__host__ __device__ constexpr int part_floats(int d) { return (d + 2 + 23) / 32 * 32 + 8; }

// What all lanes of a warp have merged, as a part in shared memory.
__device__ __forceinline__ void store_part(const KeyGroups& by, const Running& run, float* part) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (lane == 0) {
    part[by.d] = run.most;
    part[by.d + 1] = run.sum;
  }
  if (lane >= by.lanes() || by.element() >= by.d) return;
  auto* to = reinterpret_cast<float4*>(part + by.element());
  to[0] = make_float4(run.value[0], run.value[1], run.value[2], run.value[3]);
  to[1] = make_float4(run.value[4], run.value[5], run.value[6], run.value[7]);
}

// Several parts' element of the value, not yet divided by the sum.
struct Merged {
  float most;
  float sum;
  float value;
};

// Element c of n parts, at most kMostMerged, by four neighbouring lanes of a warp that is here as a whole; all four get
// the result.
__device__ __forceinline__ Merged merge(const float* parts, int n, int d, int c) {
  constexpr int kOwn = kMostMerged / 4;  // of a lane, read at once
  const int own = static_cast<int>(threadIdx.x) % 4;
  float mosts[kOwn];
  float sums[kOwn];
  float values[kOwn];
  Merged all = {-INFINITY, 0.0F, 0.0F};
#pragma unroll
  for (int k = 0; k < kOwn; ++k) {
    const float* part = parts + min(own + 4 * k, n - 1) * part_floats(d);
    mosts[k] = own + 4 * k < n ? part[d] : -INFINITY;
    sums[k] = part[d + 1];
    values[k] = part[c];
    all.most = fmaxf(all.most, mosts[k]);
  }
#pragma unroll
  for (int s = 1; s < 4; s *= 2) all.most = fmaxf(all.most, __shfl_xor_sync(~0U, all.most, s));
  const float base = all.most == -INFINITY ? 0.0F : all.most;
#pragma unroll
  for (int k = 0; k < kOwn; ++k) {
    const float weight = power_of_two(mosts[k] - base);
    all.sum = fmaf(weight, sums[k], all.sum);
    all.value = fmaf(weight, values[k], all.value);
  }
#pragma unroll
  for (int s = 1; s < 4; s *= 2) {
    all.sum += __shfl_xor_sync(~0U, all.sum, s);
    all.value += __shfl_xor_sync(~0U, all.value, s);
  }
  return all;
}

}  // namespace lacuna::kernels::cuda
