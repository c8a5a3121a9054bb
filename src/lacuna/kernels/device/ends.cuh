// The device's side of ends.hpp.
#pragma once

#include "lacuna/kernels/device/ends.hpp"
#include "lacuna/kernels/device/half.cuh"

namespace lacuna::kernels::cuda {

// 1 / sqrt(mean + ε) of all threads' sums of squares. The additions of threads are in f64, so that their number, which
// differs between kernels, hardly shows in the result.
static __device__ __forceinline__ float inverse_rms(double squares, int cols, float epsilon) {
  __shared__ double warp_sums[32];
#pragma unroll
  for (int d = 16; d > 0; d /= 2) squares += __shfl_xor_sync(~0U, squares, d);
  if (threadIdx.x % 32 == 0) warp_sums[threadIdx.x / 32] = squares;
  __syncthreads();
  squares = 0.0;
  for (unsigned w = 0; w < blockDim.x / 32; ++w) squares += warp_sums[w];
  return 1.0F / sqrtf(static_cast<float>(squares / cols) + epsilon);
}

__device__ __forceinline__ float silu(float v) { return v / (1.0F + __expf(-v)); }

// Eight f32 from an address aligned to 16 bytes, or fewer from any.
__device__ __forceinline__ void load_octet(const float* x, int n, float (&out)[8]) {
  if (n >= 8 && reinterpret_cast<std::uintptr_t>(x) % 16 == 0) {
    *reinterpret_cast<float4*>(out) = *reinterpret_cast<const float4*>(x);
    *reinterpret_cast<float4*>(out + 4) = *reinterpret_cast<const float4*>(x + 4);
    return;
  }
#pragma unroll
  for (int k = 0; k < 8; ++k) out[k] = k < n ? x[k] : 0.0F;
}

// Gives a product's input as the weights' type, of 16 bits, eight columns at a time. All threads of a block use it
// together: they construct it before the grids before have ended, since a norm's weights may be loaded until then, and
// read the input after. kKeep: octets of a normalised input that a thread holds instead of reading them twice.
template <typename T, int kKeep = 1>
class InputReader {
 public:
  __device__ __forceinline__ InputReader(const ProductInput& in, int cols) : in_(in), cols_(cols) {
    if (in.kind != InputKind::normalised) return;
#pragma unroll
    for (int i = 0; i < kKeep; ++i) {
      const int c = first() + i * step();
      load_octet(in.norm_weight + c, cols - c, weight_[i]);
    }
  }

  // A plain input's first octets on their way, for columns below `padded`, as in for_each_octet: for a kernel that asks
  // for weights before it uses its input, since what is asked for later comes later.
  __device__ __forceinline__ void fetch(int padded) {
    if (in_.kind == InputKind::normalised) return;
    load(first(), padded, ahead_);
    fetched_ = true;
  }

  // f(c, octet) for the columns c … c+7 of every multiple of 8 below `padded`; columns from cols on are 0.
  template <typename F>
  __device__ __forceinline__ void for_each_octet(int padded, F f) const {
    if (in_.kind == InputKind::normalised) return normalise(padded, f);
    int c = first();
    if (fetched_) {
      give(c, padded, ahead_, f);
      c += kTogether * step();
    }
    for (; c < padded; c += kTogether * step()) {
      __align__(16) T own[kTogether][8];
      load(c, padded, own);
      give(c, padded, own, f);
    }
  }

  // All columns to shared memory. The caller synchronises the block.
  __device__ __forceinline__ void stage(T* out, int padded) const {
    for_each_octet(padded, [&](int c, const T(&own)[8]) {
      *reinterpret_cast<uint4*>(out + c) = *reinterpret_cast<const uint4*>(own);
    });
  }

 private:
  // Octets on their way before the first is used: each takes as long as a hundred instructions.
  static constexpr int kTogether = 4;

  __device__ __forceinline__ void load(int c, int padded, T (&out)[kTogether][8]) const {
    const bool aligned = reinterpret_cast<std::uintptr_t>(in_.x) % 16 == 0;
#pragma unroll
    for (int k = 0; k < kTogether; ++k) {
      if (c + k * step() < padded) load(static_cast<const T*>(in_.x), c + k * step(), cols_, aligned, out[k]);
    }
  }
  template <typename F>
  __device__ __forceinline__ void give(int c, int padded, const T (&own)[kTogether][8], F f) const {
#pragma unroll
    for (int k = 0; k < kTogether; ++k) {
      if (c + k * step() < padded) f(c + k * step(), own[k]);
    }
  }

  __device__ __forceinline__ int first() const { return static_cast<int>(threadIdx.x) * 8; }
  __device__ __forceinline__ int step() const { return static_cast<int>(blockDim.x) * 8; }

  __device__ __forceinline__ static void load(const T* x, int c, int cols, bool aligned, T (&out)[8]) {
    if (aligned && c + 8 <= cols) {
      *reinterpret_cast<uint4*>(out) = *reinterpret_cast<const uint4*>(x + c);
      return;
    }
#pragma unroll
    for (int k = 0; k < 8; ++k) out[k] = c + k < cols ? x[c + k] : from_f32<T>(0.0F);
  }

  template <typename F>
  __device__ __forceinline__ void normalise(int padded, F f) const {
    const float* x = static_cast<const float*>(in_.x);
    float own[kKeep][8];
#pragma unroll
    for (int i = 0; i < kKeep; ++i) load_octet(x + first() + i * step(), cols_ - first() - i * step(), own[i]);
    double squares = 0.0;
#pragma unroll
    for (int i = 0; i < kKeep; ++i) squares += sum_of_squares(own[i]);
    for (int c = first() + kKeep * step(); c < cols_; c += step()) {
      float more[8];
      load_octet(x + c, cols_ - c, more);
      squares += sum_of_squares(more);
    }
    const float scale = inverse_rms(squares, cols_, in_.epsilon);
#pragma unroll
    for (int i = 0; i < kKeep; ++i) {
      const int c = first() + i * step();
      if (c < padded) scaled(c, own[i], weight_[i], scale, f);
    }
    for (int c = first() + kKeep * step(); c < padded; c += step()) {
      float more[8];
      float weight[8];
      load_octet(x + c, cols_ - c, more);
      load_octet(in_.norm_weight + c, cols_ - c, weight);
      scaled(c, more, weight, scale, f);
    }
  }

  __device__ __forceinline__ static double sum_of_squares(const float (&x)[8]) {
    float sum = 0.0F;
#pragma unroll
    for (int k = 0; k < 8; ++k) sum = fmaf(x[k], x[k], sum);
    return static_cast<double>(sum);
  }

  template <typename F>
  __device__ __forceinline__ static void scaled(int c, const float (&x)[8], const float (&weight)[8], float scale,
                                                F f) {
    __align__(16) T out[8];
#pragma unroll
    for (int k = 0; k < 8; ++k) out[k] = from_f32<T>(weight[k] * (x[k] * scale));
    f(c, out);
  }

  const ProductInput& in_;
  int cols_;
  float weight_[kKeep][8];
  __align__(16) T ahead_[kTogether][8];
  bool fetched_ = false;
};

// One thread stores one sum at y[i]. Nothing else of the launch adds to that element, so the atomic addition only
// spares the wait for the old value.
template <typename T>
__device__ __forceinline__ void store_sum(void* y, OutputKind kind, long long i, float sum) {
  if (kind == OutputKind::store) {
    static_cast<T*>(y)[i] = from_f32<T>(sum);
  } else if (kind == OutputKind::add_f32) {
    atomicAdd(static_cast<float*>(y) + i, sum);
  } else {
    static_cast<float*>(y)[i] = sum;
  }
}
template <typename T>
__device__ __forceinline__ float biased(const ProductOutput& out, long long row, float sum) {
  return out.bias == nullptr ? sum : sum + to_f32(static_cast<const T*>(out.bias)[row]);
}
template <typename T>
__device__ __forceinline__ void store_gate(const ProductOutput& out, long long pair, float gate, float up) {
  gate = biased<T>(out, 2 * pair, gate);
  static_cast<T*>(out.y)[pair] = from_f32<T>(silu(gate) * biased<T>(out, 2 * pair + 1, up));
}

// Stores the sums of rows that one thread finishes one after the other, from an even row on where they form pairs.
template <typename T>
class RowStore {
 public:
  __device__ __forceinline__ void put(const ProductOutput& out, int row, float sum) {
    if (out.kind != OutputKind::gate) {
      store_sum<T>(out.y, out.kind, row, biased<T>(out, row, sum));
    } else if (row % 2 == 0) {
      gate_ = sum;
    } else {
      store_gate<T>(out, row / 2, gate_, sum);
    }
  }

 private:
  float gate_ = 0.0F;
};

}  // namespace lacuna::kernels::cuda
