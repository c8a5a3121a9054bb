// What both kernels of cuda.hpp take, and how they store.
#pragma once

#include "lacuna/kernels/device/ends.cuh"

namespace lacuna::kernels::cuda {

struct GemmArgs {
  const void* x;
  const void* w;
  ProductOutput output;
  long long x_stride;
  long long w_stride;
  long long y_stride;
  int tokens;
  int rows;
  int cols;
};

// The sums of rows `row` (even) and row + 1 for one token.
template <typename T>
__device__ __forceinline__ void store_two(const GemmArgs& args, int token, int row, float first, float second) {
  if (token >= args.tokens || row >= args.rows) return;
  const ProductOutput& out = args.output;
  const long long line = token * args.y_stride;
  if (out.kind == OutputKind::gate) {
    const float gate = biased<T>(out, row, first);
    static_cast<T*>(out.y)[line + row / 2] = from_f32<T>(silu(gate) * biased<T>(out, row + 1, second));
    return;
  }
  const float values[2] = {first, second};
  if (out.kind == OutputKind::store && row + 1 < args.rows) {
    T* to = static_cast<T*>(out.y) + line + row;
    if (reinterpret_cast<std::uintptr_t>(to) % 4 == 0) {
      const T pair[2] = {from_f32<T>(biased<T>(out, row, first)), from_f32<T>(biased<T>(out, row + 1, second))};
      std::uint32_t word;
      memcpy(&word, pair, 4);
      *reinterpret_cast<std::uint32_t*>(to) = word;
      return;
    }
  }
#pragma unroll
  for (int k = 0; k < 2; ++k) {
    if (row + k >= args.rows) continue;
    const float value = biased<T>(out, row + k, values[k]);
    float* wide = static_cast<float*>(out.y) + line + row + k;
    if (out.kind == OutputKind::store) static_cast<T*>(out.y)[line + row + k] = from_f32<T>(value);
    if (out.kind == OutputKind::store_f32) *wide = value;
    if (out.kind == OutputKind::add_f32) *wide += value;
  }
}

}  // namespace lacuna::kernels::cuda
