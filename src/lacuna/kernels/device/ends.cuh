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
// read the input after.
template <typename T>
class InputReader {
 public:
  __device__ __forceinline__ InputReader(const ProductInput& in, int cols) : in_(in), cols_(cols) {
    if (in.kind == InputKind::normalised) load_octet(in.norm_weight + first(), cols - first(), weight_);
  }

  // f(c, octet) for the columns c … c+7 of every multiple of 8 below `padded`; columns from cols on are 0.
  template <typename F>
  __device__ __forceinline__ void for_each_octet(int padded, F f) const {
    if (in_.kind == InputKind::normalised) return normalise(padded, f);
    if (in_.kind == InputKind::gated) return gate(padded, f);
    for (int c = first(); c < padded; c += step()) {
      __align__(16) T own[8];
      load(static_cast<const T*>(in_.x), c, cols_, reinterpret_cast<std::uintptr_t>(in_.x) % 16 == 0, own);
      f(c, own);
    }
  }

  // All columns to shared memory. The caller synchronises the block.
  __device__ __forceinline__ void stage(T* out, int padded) const {
    for_each_octet(padded, [&](int c, const T(&own)[8]) {
      *reinterpret_cast<uint4*>(out + c) = *reinterpret_cast<const uint4*>(own);
    });
  }

 private:
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

  // Several octets are loaded before the first is used.
  template <typename F>
  __device__ __forceinline__ void gate(int padded, F f) const {
    constexpr int kTogether = 3;
    const T* gates = static_cast<const T*>(in_.x);
    const T* ups = gates + cols_;
    const bool aligned = cols_ % 8 == 0 && reinterpret_cast<std::uintptr_t>(gates) % 16 == 0;
    for (int c = first(); c < padded; c += kTogether * step()) {
      __align__(16) T g[kTogether][8];
      __align__(16) T u[kTogether][8];
#pragma unroll
      for (int i = 0; i < kTogether; ++i) {
        load(gates, c + i * step(), cols_, aligned, g[i]);
        load(ups, c + i * step(), cols_, aligned, u[i]);
      }
#pragma unroll
      for (int i = 0; i < kTogether; ++i) {
#pragma unroll
        for (int k = 0; k < 8; ++k) u[i][k] = from_f32<T>(silu(to_f32(g[i][k])) * to_f32(u[i][k]));
        if (c + i * step() < padded) f(c + i * step(), u[i]);
      }
    }
  }

  // The first octet of every thread is read once, further ones, of wide inputs, twice.
  template <typename F>
  __device__ __forceinline__ void normalise(int padded, F f) const {
    const float* x = static_cast<const float*>(in_.x);
    float own[8];
    load_octet(x + first(), cols_ - first(), own);
    double squares = sum_of_squares(own);
    for (int c = first() + step(); c < cols_; c += step()) {
      float more[8];
      load_octet(x + c, cols_ - c, more);
      squares += sum_of_squares(more);
    }
    const float scale = inverse_rms(squares, cols_, in_.epsilon);
    if (first() < padded) scaled(first(), own, weight_, scale, f);
    for (int c = first() + step(); c < padded; c += step()) {
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
  float weight_[8];  // of the thread's first octet
};

// The same one element at a time and for any type; not gated. `room`, of cols f32 in shared memory, keeps a normalised
// input from being read twice, as long as it holds it; null: read again.
template <typename T>
class ElementReader {
 public:
  // Once the grids before have ended.
  __device__ __forceinline__ ElementReader(const ProductInput& in, int cols, float* room) : in_(in) {
    if (in.kind != InputKind::normalised) return;
    const float* x = static_cast<const float*>(in.x);
    double squares = 0.0;
    for (int c = static_cast<int>(threadIdx.x) * 8; c < cols; c += static_cast<int>(blockDim.x) * 8) {
      float own[8];
      load_octet(x + c, cols - c, own);
      float sum = 0.0F;
#pragma unroll
      for (int k = 0; k < 8; ++k) {
        sum = fmaf(own[k], own[k], sum);
        if (room != nullptr && c + k < cols) room[c + k] = own[k];
      }
      squares += static_cast<double>(sum);
    }
    x_ = room == nullptr ? x : room;
    scale_ = inverse_rms(squares, cols, in.epsilon);
  }

  __device__ __forceinline__ void forget_room() { x_ = static_cast<const float*>(in_.x); }

  __device__ __forceinline__ T element(long long c) const {
    if (in_.kind == InputKind::plain) return static_cast<const T*>(in_.x)[c];
    return from_f32<T>(in_.norm_weight[c] * (x_[c] * scale_));
  }

 private:
  const ProductInput& in_;
  const float* x_ = nullptr;
  float scale_ = 1.0F;
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
__device__ __forceinline__ void store_row(const ProductOutput& out, int row, float sum) {
  if (out.bias != nullptr) sum += to_f32(static_cast<const T*>(out.bias)[row]);
  store_sum<T>(out.y, out.kind, row, sum);
}

}  // namespace lacuna::kernels::cuda
