// What the kernels of cuda.hpp and prompt_cuda.hpp share: a head's vector made ready, keys gone through with a running
// softmax, partial results merged.
#pragma once

#include <cmath>

#include "lacuna/kernels/device/half.cuh"

namespace lacuna::kernels::cuda {

// A head's vector to shared memory, by one warp: normalised where there is a norm, rotated, times `scale`.
template <typename T>
__device__ void prepare_head(const T* in, const float* norm, const float* cosines, const float* sines, int d,
                             float epsilon, float scale, float* out) {
  const int lane = threadIdx.x % 32;
  float factor = 1.0F;
  if (norm != nullptr) {
    double sum = 0.0;
    for (int i = lane; i < d; i += 32) sum += static_cast<double>(to_f32(in[i])) * static_cast<double>(to_f32(in[i]));
#pragma unroll
    for (int s = 16; s > 0; s /= 2) sum += __shfl_xor_sync(~0U, sum, s);
    factor = 1.0F / sqrtf(static_cast<float>(sum / d) + epsilon);
  }
  const auto value = [&](int i) { return norm == nullptr ? to_f32(in[i]) : norm[i] * (to_f32(in[i]) * factor); };
  if (cosines == nullptr) {
    for (int i = lane; i < d; i += 32) out[i] = value(i) * scale;
    return;
  }
  for (int i = lane; i < d / 2; i += 32) {
    const float a = value(i);
    const float b = value(i + d / 2);
    out[i] = (a * cosines[i] - b * sines[i]) * scale;
    out[i + d / 2] = (b * cosines[i] + a * sines[i]) * scale;
  }
}

// By one warp: a vector rounded to the cache's type, and stored there where `place` is not null.
template <typename T>
__device__ void round_head(float* vector, int d, T* place) {
  __syncwarp();
  for (int i = static_cast<int>(threadIdx.x) % 32; i < d; i += 32) {
    const T rounded = from_f32<T>(vector[i]);
    vector[i] = to_f32(rounded);
    if (place != nullptr) place[i] = rounded;
  }
}

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

// Keys that a query may see: first … last−1.
struct Seen {
  int first;
  int last;
};

// One query and kTogether keys of this lane's group: key, key + stride, …
template <typename T, int kTogether>
__device__ __forceinline__ void attend_some(int lanes, int key, int stride, const Seen& seen, const float (&q)[8],
                                            const uint4 (&raw_k)[kTogether], const uint4 (&raw_v)[kTogether],
                                            Running& run) {
  float score[kTogether];
  float most = run.most;
#pragma unroll
  for (int u = 0; u < kTogether; ++u) {
    float k8[8];
    widen<T>(raw_k[u], k8);
    float dot = 0.0F;
#pragma unroll
    for (int k = 0; k < 8; ++k) dot = fmaf(q[k], k8[k], dot);
    for (int s = lanes / 2; s > 0; s /= 2) dot += __shfl_xor_sync(~0U, dot, s);
    const int j = key + u * stride;
    score[u] = j < seen.last ? dot : -INFINITY;
    most = fmaxf(most, score[u]);
  }
  const float base = most == -INFINITY ? 0.0F : most;  // no key yet: nothing to shrink
  const float shrink = exp2f(run.most - base);
  run.most = most;
  run.sum *= shrink;
#pragma unroll
  for (int k = 0; k < 8; ++k) run.value[k] *= shrink;
#pragma unroll
  for (int u = 0; u < kTogether; ++u) {
    const float weight = exp2f(score[u] - base);
    run.sum += weight;
    float v8[8];
    widen<T>(raw_v[u], v8);
#pragma unroll
    for (int k = 0; k < 8; ++k) run.value[k] = fmaf(weight, v8[k], run.value[k]);
  }
}

// Lanes form groups that hold one key at a time, 8 elements a lane.
struct KeyGroups {
  int d;
  int lanes;  // of a group: a power of two, at least d / 8

  __device__ __forceinline__ int stride() const { return static_cast<int>(blockDim.x) / lanes; }  // groups of a block
  __device__ __forceinline__ int first(const Seen& seen) const {                                  // key of this warp
    return seen.first + static_cast<int>(threadIdx.x) / 32 * (32 / lanes);
  }
};

// kTogether cached keys of each of a warp's groups, and their values, on their way to registers.
template <typename T, int kTogether>
struct KeyRound {
  uint4 keys[kTogether];
  uint4 values[kTogether];

  // From the warp's key `first` on, a block's groups apart.
  __device__ __forceinline__ void load(const KeyGroups& by, const T* from_keys, const T* from_values, const Seen& seen,
                                       int first) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int at = lane % by.lanes * 8;
#pragma unroll
    for (int u = 0; u < kTogether; ++u) {
      const int j = first + u * by.stride() + lane / by.lanes;
      keys[u] = values[u] = make_uint4(0, 0, 0, 0);
      if (j < seen.last && at < by.d) {
        keys[u] = *reinterpret_cast<const uint4*>(from_keys + static_cast<long long>(j) * by.d + at);
        values[u] = *reinterpret_cast<const uint4*>(from_values + static_cast<long long>(j) * by.d + at);
      }
    }
  }
};

// One query over the cached keys that it sees, of which each group's first ones have been loaded. All lanes of a warp
// go through the same turns. kTogether: keys of a group loaded at a time afterwards.
template <typename T, int kTogether, int kLoaded>
__device__ void attend(const KeyGroups& by, const T* keys, const T* values, const Seen& seen,
                       const KeyRound<T, kLoaded>& loaded, const float* q, Running& run) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int at = lane % by.lanes * 8;
  float own_q[8];
#pragma unroll
  for (int k = 0; k < 8; ++k) own_q[k] = at < by.d ? q[at + k] : 0.0F;
  int first = by.first(seen);
  if (first >= seen.last) return;
  attend_some<T, kLoaded>(by.lanes, first + lane / by.lanes, by.stride(), seen, own_q, loaded.keys, loaded.values, run);
  for (first += kLoaded * by.stride(); first < seen.last; first += kTogether * by.stride()) {
    KeyRound<T, kTogether> round;
    round.load(by, keys, values, seen, first);
    attend_some<T, kTogether>(by.lanes, first + lane / by.lanes, by.stride(), seen, own_q, round.keys, round.values,
                              run);
  }
}

// Merges n partial results, each {most, sum, value[d]} at parts + i·(d + 2), into element c of the value, by four
// neighbouring lanes of a warp that is here as a whole; all four get the result.
__device__ __forceinline__ void merge(const float* parts, int n, int d, int c, float& most, float& sum, float& value) {
  const int own = static_cast<int>(threadIdx.x) % 4;
  most = -INFINITY;
  for (int i = own; i < n; i += 4) most = fmaxf(most, parts[i * (d + 2)]);
#pragma unroll
  for (int s = 1; s < 4; s *= 2) most = fmaxf(most, __shfl_xor_sync(~0U, most, s));
  const float base = most == -INFINITY ? 0.0F : most;
  sum = value = 0.0F;
  for (int i = own; i < n; i += 4) {
    const float* part = parts + i * (d + 2);
    const float weight = exp2f(part[0] - base);
    sum += weight * part[1];
    value += weight * part[2 + c];
  }
#pragma unroll
  for (int s = 1; s < 4; s *= 2) {
    sum += __shfl_xor_sync(~0U, sum, s);
    value += __shfl_xor_sync(~0U, value, s);
  }
}

}  // namespace lacuna::kernels::cuda
