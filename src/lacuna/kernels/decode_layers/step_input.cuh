// A product's input on its way from the blocks that publish it to this block's shared memory.
#pragma once

#include "lacuna/kernels/decode_layers/column_list.cuh"
#include "lacuna/kernels/decode_layers/published.cuh"
#include "lacuna/kernels/device/ends.cuh"
#include "lacuna/kernels/sparse_gemv/select.cuh"

namespace lacuna::kernels::cuda {

// As the weights' type, and a bit for each column whose input is above the threshold, to the end of a word of 32. All
// threads of the block call receive; afterwards all may read. of_warps: an f32 of each warp, in shared memory.
template <typename T>
class StepInput {
 public:
  __device__ __forceinline__ StepInput(T* x, std::uint32_t* bits, float* of_warps, float epsilon)
      : x_(x), bits_(reinterpret_cast<unsigned char*>(bits)), of_warps_(of_warps), epsilon_(epsilon) {}

  // norm: the weights of the norm, or null.
  __device__ __forceinline__ void receive(const Published& from, const float* norm, float threshold) const {
    constexpr int kOctets = 4;                          // of a thread at a time
    constexpr int kRound = kOctets * kStepThreads * 8;  // columns
    if (norm != nullptr) {
      receive_normalised(from, norm, threshold);
    } else {
      for (int first = 0; first < from.n; first += kRound) {
        Received<kOctets> own(first);
        own.wait(from);
#pragma unroll
        for (int k = 0; k < kOctets; ++k) {
          float values[8];
          own[k].values(values);
          store(own.column(k), from.n, values, threshold);
        }
      }
    }
    __syncthreads();
  }

 private:
  static constexpr int kNormalisedOctets = kMostNormalised / (kStepThreads * 8);  // of a thread

  __device__ __forceinline__ void receive_normalised(const Published& from, const float* norm, float threshold) const {
    Received<kNormalisedOctets> own(0);
    constexpr int kEarly = 1;  // octets of the norm's weights, loaded while the input is waited for
    float weight[kEarly][8];
#pragma unroll
    for (int k = 0; k < kEarly; ++k) {
      if (own.column(k) < from.n) load_octet(norm + own.column(k), 8, weight[k]);
    }
    own.wait(from);
    const float scale = inverse_norm(own, from.n);
#pragma unroll
    for (int k = 0; k < kNormalisedOctets; ++k) {
      float values[8];
      own[k].values(values);
      float late[8];
      if (k >= kEarly && own.column(k) < from.n) load_octet(norm + own.column(k), 8, late);
#pragma unroll
      for (int v = 0; v < 8; ++v) values[v] = (k < kEarly ? weight[k % kEarly][v] : late[v]) * (values[v] * scale);
      store(own.column(k), from.n, values, threshold);
    }
  }

  // Eight inputs from `column` on, of n; bits are stored to the end of a word of 32.
  __device__ __forceinline__ void store(int column, int n, const float (&values)[8], float threshold) const {
    if (column >= (n + 31) / 32 * 32) return;
    unsigned active = 0;
    if (column < n) {
      const uint4 narrow = narrow_octet<T>(values);
      *reinterpret_cast<uint4*>(x_ + column) = narrow;
      active = active_mask<T>(narrow, threshold);
    }
    bits_[column / 8] = static_cast<unsigned char>(active);
  }

  // 1 / sqrt(mean + ε): in f32, of which the sum of n squares in chains of few additions.
  __device__ __forceinline__ float inverse_norm(const Received<kNormalisedOctets>& own, int n) const {
    float squares = 0.0F;
#pragma unroll
    for (int k = 0; k < kNormalisedOctets; ++k) {
      if (own.column(k) >= n) continue;
      float values[8];
      own[k].values(values);
#pragma unroll
      for (int v = 0; v < 8; ++v) squares = fmaf(values[v], values[v], squares);
    }
#pragma unroll
    for (int d = 16; d > 0; d /= 2) squares += __shfl_xor_sync(~0U, squares, d);
    if (threadIdx.x % 32 == 0) of_warps_[threadIdx.x / 32] = squares;
    __syncthreads();
    float sums[4] = {};
#pragma unroll
    for (int w = 0; w < kStepWarps; ++w) sums[w % 4] += of_warps_[w];
    const float sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    return rsqrtf(__fdividef(sum, static_cast<float>(n)) + epsilon_);
  }

  T* x_;
  unsigned char* bits_;
  float* of_warps_;
  float epsilon_;
};

}  // namespace lacuna::kernels::cuda
