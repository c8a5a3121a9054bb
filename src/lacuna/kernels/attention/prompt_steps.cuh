// What a block of the kernel of prompt_cuda.cu does with 64 keys: fetches them, scores them, weighs the scores, adds up
// values.
#pragma once

#include <cmath>
#include <cstring>

#include "lacuna/kernels/attention/steps.cuh"
#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/tensor_core.cuh"

namespace lacuna::kernels::cuda {

constexpr int kWarps = 4;
constexpr int kThreads = kWarps * 32;
constexpr int kQueries = 16 * kWarps;  // of a block
constexpr int kKeys = 64;              // of a stage

template <int kD>
constexpr int kVectorBytes = kD * 2 + 16;
template <int kD>
constexpr int kBlockBytes = (kQueries + 4 * kKeys) * kVectorBytes<kD>;

// Keys `first` … first + 63 of a head on their way to shared memory; zeros from `end` and from d on.
template <typename T, int kD>
__device__ __forceinline__ void fetch_vectors(const T* from, int first, int end, int d, unsigned to) {
  constexpr int kOctets = kD / 8;
#pragma unroll
  for (int i = static_cast<int>(threadIdx.x); i < kKeys * kOctets; i += kThreads) {
    const int key = first + i / kOctets;
    const int at = i % kOctets * 8;
    const bool valid = key < end && at < d;
    copy_16(to + i / kOctets * kVectorBytes<kD> + at * 2, valid ? from + static_cast<long long>(key) * d + at : from,
            valid);
  }
}

template <typename T>
__device__ __forceinline__ std::uint32_t pack(float a, float b) {
  const T pair[2] = {from_f32<T>(a), from_f32<T>(b)};
  std::uint32_t word;
  memcpy(&word, pair, 4);
  return word;
}

// A lane's part of its warp's 16 queries: rows lane / 4 and lane / 4 + 8.
template <int kD>
struct Sixteen {
  float most[2] = {-INFINITY, -INFINITY};
  float sum[2] = {};  // of this lane's keys
  float values[kD / 8][4] = {};
};

// scores[n]: keys 8n … 8n+7.
template <typename T, int kD>
__device__ __forceinline__ void score(unsigned queries, unsigned keys, float (&scores)[kKeys / 8][4]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int k = 0; k < kD; k += 16) {
    std::uint32_t a[4];
    load_matrices(queries + lane % 16 * kVectorBytes<kD> + (k + lane / 16 * 8) * 2, a);
#pragma unroll
    for (int n = 0; n < kKeys / 16; ++n) {
      std::uint32_t b[4];
      load_matrices(keys + (16 * n + lane % 8 + lane / 16 * 8) * kVectorBytes<kD> + (k + lane / 8 % 2 * 8) * 2, b);
      multiply_add<T>(scores[2 * n], a, b[0], b[1]);
      multiply_add<T>(scores[2 * n + 1], a, b[2], b[3]);
    }
  }
}

// Scores become weights 2^(score − most); what was summed before shrinks where the greatest score grew.
template <int kD>
__device__ __forceinline__ void weigh(float (&scores)[kKeys / 8][4], int first_key, const Seen (&seen)[2],
                                      Sixteen<kD>& own) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    float most = own.most[r];
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n) {
#pragma unroll
      for (int i = 2 * r; i < 2 * r + 2; ++i) {
        const int key = first_key + 8 * n + lane % 4 * 2 + i % 2;
        if (key < seen[r].first || key >= seen[r].last) scores[n][i] = -INFINITY;
        most = fmaxf(most, scores[n][i]);
      }
    }
    most = fmaxf(most, __shfl_xor_sync(~0U, most, 1));
    most = fmaxf(most, __shfl_xor_sync(~0U, most, 2));
    const float base = most == -INFINITY ? 0.0F : most;  // no key yet: nothing to shrink
    const float shrink = exp2f(own.most[r] - base);
    own.most[r] = most;
    own.sum[r] *= shrink;
#pragma unroll
    for (int n = 0; n < kD / 8; ++n) {
      own.values[n][2 * r] *= shrink;
      own.values[n][2 * r + 1] *= shrink;
    }
#pragma unroll
    for (int n = 0; n < kKeys / 8; ++n) {
#pragma unroll
      for (int i = 2 * r; i < 2 * r + 2; ++i) {
        scores[n][i] = exp2f(scores[n][i] - base);
        own.sum[r] += scores[n][i];
      }
    }
  }
}

template <typename T, int kD>
__device__ __forceinline__ void add_values(const float (&weights)[kKeys / 8][4], unsigned values, Sixteen<kD>& own) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int k = 0; k < kKeys / 16; ++k) {
    const float(&low)[4] = weights[2 * k];
    const float(&high)[4] = weights[2 * k + 1];
    const std::uint32_t a[4] = {pack<T>(low[0], low[1]), pack<T>(low[2], low[3]), pack<T>(high[0], high[1]),
                                pack<T>(high[2], high[3])};
#pragma unroll
    for (int n = 0; n < kD / 16; ++n) {
      std::uint32_t b[4];
      load_transposed_matrices(values + (16 * k + lane % 16) * kVectorBytes<kD> + (16 * n + lane / 16 * 8) * 2, b);
      multiply_add<T>(own.values[2 * n], a, b[0], b[1]);
      multiply_add<T>(own.values[2 * n + 1], a, b[2], b[3]);
    }
  }
}

}  // namespace lacuna::kernels::cuda
