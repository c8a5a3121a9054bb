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

// A head's vector of at most 256 elements, by one warp: normalised where there is a norm, rotated, times `scale`.
// emit(i, v): element i, called once an element.
template <typename T, typename Emit>
__device__ __forceinline__ void prepare_head(const T* in, const float* norm, const RopeRows& rope, int d, float epsilon,
                                             float scale, Emit emit) {
  constexpr int kPairs = 4;  // of a lane: elements i and i + d/2
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int half = d / 2;
  float a[kPairs] = {};
  float b[kPairs] = {};
  float cosine[kPairs];
  float sine[kPairs];
  float squares = 0.0F;
#pragma unroll
  for (int m = 0; m < kPairs; ++m) {
    const int i = lane + 32 * m;
    cosine[m] = 1.0F;
    sine[m] = 0.0F;
    if (i >= half) continue;
    a[m] = to_f32(in[i]);
    b[m] = to_f32(in[i + half]);
    if (rope.cosines != nullptr) {
      cosine[m] = rope.cosines[i];
      sine[m] = rope.sines[i];
    }
    squares = fmaf(a[m], a[m], fmaf(b[m], b[m], squares));
  }
  if (norm != nullptr) {
#pragma unroll
    for (int s = 16; s > 0; s /= 2) squares += __shfl_xor_sync(~0U, squares, s);
    scale *= rsqrtf(__fdividef(squares, static_cast<float>(d)) + epsilon);
  }
#pragma unroll
  for (int m = 0; m < kPairs; ++m) {
    const int i = lane + 32 * m;
    if (i >= half) continue;
    if (norm != nullptr) {
      a[m] *= norm[i];
      b[m] *= norm[i + half];
    }
    emit(i, (a[m] * cosine[m] - b[m] * sine[m]) * scale);
    emit(i + half, (b[m] * cosine[m] + a[m] * sine[m]) * scale);
  }
}

// Keys that a query may see: first … last−1.
struct Seen {
  int first;
  int last;
};

}  // namespace lacuna::kernels::cuda
