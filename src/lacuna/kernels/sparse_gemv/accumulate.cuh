// The parts of the kernel of kernel.cuh that follow the selection: adding columns up, leaving the sums in shared
// memory.
#pragma once

#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/ends.cuh"
#include "lacuna/kernels/device/tensor_core.cuh"
#include "lacuna/kernels/sparse_gemv/select.cuh"

namespace lacuna::kernels::cuda {

constexpr int kLaneTile = 256;  // outputs of a warp
constexpr int kQueue = 16;      // octets of a lane on their way
constexpr int kTogether = 4;    // of them waited for at a time

// Eight weights as loaded.
template <typename T>
struct Octet {
  uint4 raw[sizeof(T) / 2];

  __device__ __forceinline__ void load(const T* p, int n) {
    T* own = reinterpret_cast<T*>(raw);
#pragma unroll
    for (int k = 0; k < 8; ++k) own[k] = k < n ? p[k] : from_f32<T>(0.0F);
  }
  __device__ __forceinline__ void widen(float (&out)[8]) const {
    if constexpr (sizeof(T) == 4) {
      const float* own = reinterpret_cast<const float*>(raw);
#pragma unroll
      for (int k = 0; k < 8; ++k) out[k] = own[k];
    } else {
      const std::uint32_t words[4] = {raw[0].x, raw[0].y, raw[0].z, raw[0].w};
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        const float2 pair = pair_to_f32<T>(words[k]);
        out[2 * k] = pair.x;
        out[2 * k + 1] = pair.y;
      }
    }
  }
};

template <typename T, int kBatch>
__device__ __forceinline__ void add_octet(const Octet<T>& octet, const float* x, float (&sums)[kBatch][8]) {
  float values[8];
  octet.widen(values);
#pragma unroll
  for (int b = 0; b < kBatch; ++b) {
#pragma unroll
    for (int v = 0; v < 8; ++v) sums[b][v] = fmaf(values[v], x[b], sums[b][v]);
  }
}

// Any alignment: loads into registers.
template <typename T, int kBatch>
__device__ __forceinline__ void accumulate_unaligned(const T* w, long long stride, int n_rows,
                                                     const ActiveList<kBatch>& list, int n, float (&sums)[kBatch][8]) {
  const int warps = blockDim.x / 32;
  for (int i = threadIdx.x / 32; i < n; i += warps) {
    Octet<T> octet;
    octet.load(w + list.column[i] * stride, n_rows);
    add_octet<T, kBatch>(octet, list.x + i * kBatch, sums);
  }
}

// Columns of a matrix from this lane's rows on.
template <typename T>
struct Columns {
  const T* w;
  long long stride;
};

// Every lane copies its octets to a queue of its own in shared memory, kQueue of them on the way. The warp's k-th
// column is entry warp + k·warps of the list.
template <typename T, int kBatch>
__device__ __forceinline__ void accumulate_queued(const Columns<T>& columns, int n_rows, const ActiveList<kBatch>& list,
                                                  int n, unsigned queue, float (&sums)[kBatch][8]) {
  constexpr int kParts = sizeof(T) / 2;  // copies of 16 bytes in an octet
  const int warps = blockDim.x / 32;
  const unsigned long long policy = read_once();
  const auto start = [&](int i, int place) {
    if (i >= n || n_rows <= 0) return;
    const T* column = columns.w + list.column[i] * columns.stride;
#pragma unroll
    for (int p = 0; p < kParts; ++p) {
      copy_16(queue + (place * kParts + p) * 512, column + p * (16 / sizeof(T)), true, policy);
    }
  };
  int next = threadIdx.x / 32;
#pragma unroll
  for (int g = 0; g < kQueue / kTogether; ++g) {
#pragma unroll
    for (int k = 0; k < kTogether; ++k, next += warps) start(next, g * kTogether + k);
    end_copies();
  }
  int place = 0;
  for (int at = threadIdx.x / 32; at < n; at += kTogether * warps) {
    wait_for_copies<kQueue / kTogether - 1>();
    Octet<T> octets[kTogether];
#pragma unroll
    for (int k = 0; k < kTogether; ++k) {
#pragma unroll
      for (int p = 0; p < kParts; ++p) octets[k].raw[p] = load_shared_16(queue + ((place + k) * kParts + p) * 512);
    }
#pragma unroll
    for (int k = 0; k < kTogether; ++k, next += warps) start(next, place + k);
    end_copies();
#pragma unroll
    for (int k = 0; k < kTogether; ++k) {
      const int i = at + k * warps;
      if (i < n) add_octet<T, kBatch>(octets[k], list.x + i * kBatch, sums);
    }
    place = place + kTogether == kQueue ? 0 : place + kTogether;
  }
  wait_for_copies<0>();
  __syncwarp();  // other lanes' copies too: their queues become room for sums
}

// Shared memory of a warp: its queue, and afterwards its sums.
template <typename T, int kBatch, int kMatrices, bool kAligned>
__host__ __device__ constexpr int warp_bytes() {
  constexpr int kQueueBytes = kAligned ? kQueue * 256 * static_cast<int>(sizeof(T)) : 0;
  constexpr int kSumBytes = kMatrices * kBatch * kLaneTile * 4;
  return kQueueBytes > kSumBytes ? kQueueBytes : kSumBytes;
}

// A lane's sums to its warp's scratch[b][output].
template <int kBatch>
__device__ __forceinline__ void store_sums(const float (&sums)[kBatch][8], float* scratch) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int b = 0; b < kBatch; ++b) {
    float4* own = reinterpret_cast<float4*>(scratch + b * kLaneTile + lane * 8);
    own[0] = make_float4(sums[b][0], sums[b][1], sums[b][2], sums[b][3]);
    own[1] = make_float4(sums[b][4], sums[b][5], sums[b][6], sums[b][7]);
  }
}

}  // namespace lacuna::kernels::cuda
