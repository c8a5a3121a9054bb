// What the kernels of cuda.hpp and prompt_cuda.hpp share: a head's vector made ready, and which keys a query sees.
#pragma once

#include "lacuna/kernels/device/half.cuh"

namespace lacuna::kernels::cuda {

// A position's cosines and sines, d/2 of each, or null.
struct RopeRows {
  const float* cosines;
  const float* sines;
};

// args: what holds the tables of all positions, and d.
template <typename Args>
__device__ __forceinline__ RopeRows rope_rows(const Args& args, int position) {
  const long long at = static_cast<long long>(position) * (args.d / 2);
  return args.cosines == nullptr ? RopeRows{} : RopeRows{args.cosines + at, args.sines + at};
}

// Four neighbouring elements, at an address aligned to their size.
template <typename T>
__device__ __forceinline__ void load_four(const T* from, float (&out)[4]) {
  const uint2 raw = *reinterpret_cast<const uint2*>(from);
  const float2 low = pair_to_f32<T>(raw.x);
  const float2 high = pair_to_f32<T>(raw.y);
  out[0] = low.x, out[1] = low.y, out[2] = high.x, out[3] = high.y;
}
template <>
__device__ __forceinline__ void load_four<float>(const float* from, float (&out)[4]) {
  *reinterpret_cast<float4*>(out) = *reinterpret_cast<const float4*>(from);
}
template <typename T>
__device__ __forceinline__ uint2 round_four(const float (&values)[4]) {
  __align__(8) T rounded[4];
#pragma unroll
  for (int k = 0; k < 4; ++k) rounded[k] = from_f32<T>(values[k]);
  return *reinterpret_cast<const uint2*>(rounded);
}

// A head's vector, aligned to 8 bytes, by one warp: normalised where there is a norm, rotated, times `scale`. d: a
// multiple of 8, at most 256. emit(i, v): elements i … i+3, i a multiple of 4, called once an element.
template <typename T, typename Emit>
__device__ __forceinline__ void prepare_head(const T* in, const float* norm, const RopeRows& rope, int d, float epsilon,
                                             float scale, Emit emit) {
  const int half = d / 2;
  const int at = static_cast<int>(threadIdx.x) % 32 * 4;  // this lane has four elements of each half
  const bool own = at < half;
  float a[4] = {};
  float b[4] = {};
  float cosines[4] = {1.0F, 1.0F, 1.0F, 1.0F};
  float sines[4] = {};
  if (own) {
    load_four(in + at, a);
    load_four(in + half + at, b);
    if (rope.cosines != nullptr) {
      load_four(rope.cosines + at, cosines);
      load_four(rope.sines + at, sines);
    }
  }
  if (norm != nullptr) {
    float squares = 0.0F;
#pragma unroll
    for (int k = 0; k < 4; ++k) squares = fmaf(a[k], a[k], fmaf(b[k], b[k], squares));
#pragma unroll
    for (int s = 16; s > 0; s /= 2) squares += __shfl_xor_sync(~0U, squares, s);
    scale *= rsqrtf(__fdividef(squares, static_cast<float>(d)) + epsilon);
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      a[k] *= own ? norm[at + k] : 0.0F;
      b[k] *= own ? norm[half + at + k] : 0.0F;
    }
  }
  if (!own) return;
  float low[4];
  float high[4];
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    low[k] = (a[k] * cosines[k] - b[k] * sines[k]) * scale;
    high[k] = (b[k] * cosines[k] + a[k] * sines[k]) * scale;
  }
  emit(at, low);
  emit(half + at, high);
}

// Keys that a query may see: first … last−1.
struct Seen {
  int first;
  int last;
};

}  // namespace lacuna::kernels::cuda
