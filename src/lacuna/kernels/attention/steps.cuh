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
};

// One query over the cached keys that it sees. All lanes of a warp go through the same turns. kTogether: keys of a
// group loaded at a time.
template <typename T, int kTogether>
__device__ void attend(const KeyGroups& by, const T* keys, const T* values, const Seen& seen, const float* q,
                       Running& run) {
  const int lane = threadIdx.x % 32;
  const int lanes = by.lanes;
  const int groups = 32 / lanes;
  const int at = lane % lanes * 8;
  const bool holds = at < by.d;
  float own_q[8];
#pragma unroll
  for (int k = 0; k < 8; ++k) own_q[k] = holds ? q[at + k] : 0.0F;
  const int stride = groups * (static_cast<int>(blockDim.x) / 32);
  for (int first = seen.first + static_cast<int>(threadIdx.x) / 32 * groups; first < seen.last;
       first += stride * kTogether) {
    uint4 raw_k[kTogether];
    uint4 raw_v[kTogether];
#pragma unroll
    for (int u = 0; u < kTogether; ++u) {
      const int j = first + u * stride + lane / lanes;
      raw_k[u] = raw_v[u] = make_uint4(0, 0, 0, 0);
      if (j < seen.last && holds) {
        raw_k[u] = *reinterpret_cast<const uint4*>(keys + static_cast<long long>(j) * by.d + at);
        raw_v[u] = *reinterpret_cast<const uint4*>(values + static_cast<long long>(j) * by.d + at);
      }
    }
    attend_some<T, kTogether>(lanes, first + lane / lanes, stride, seen, own_q, raw_k, raw_v, run);
  }
}

// Merges n partial results, each {most, sum, value[d]} at parts + i·(d + 2), into one thread's element c.
__device__ __forceinline__ void merge(const float* parts, int n, int d, int c, float& most, float& sum, float& value) {
  most = -INFINITY;
  for (int i = 0; i < n; ++i) most = fmaxf(most, parts[i * (d + 2)]);
  const float base = most == -INFINITY ? 0.0F : most;
  sum = value = 0.0F;
  for (int i = 0; i < n; ++i) {
    const float* part = parts + i * (d + 2);
    const float weight = exp2f(part[0] - base);
    sum += weight * part[1];
    value += weight * part[2 + c];
  }
}

}  // namespace lacuna::kernels::cuda
