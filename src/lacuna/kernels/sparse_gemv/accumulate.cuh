// The parts of the kernel of cuda.hpp that a block runs one after the other: selecting active columns, adding them up,
// summing over the block's warps. kernel.cuh puts them together.
#pragma once

#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/ends.cuh"

namespace lacuna::kernels::cuda {

constexpr int kLaneTile = 256;  // outputs of a warp with one octet a lane
constexpr int kQueue = 16;      // octets of a lane on their way
constexpr int kTogether = 4;    // of them waited for at a time

// Columns a thread tests in one pass; a pass of 256 threads covers 2048 or 4096 columns.
template <int kBatch>
__host__ __device__ constexpr int tests_per_thread() {
  return kBatch >= 4 ? 8 : 16;
}

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

// The list of active columns of one pass, and room for the reduction in the same bytes.
template <int kBatch>
struct ActiveList {
  int* column;
  float* x;  // kBatch values for each column
};

// Fills the list with the active columns of [begin, end), at most tests·threads of them; returns their number.
template <typename T, int kBatch>
__device__ int select_active(const T* x, int cols, int begin, int end, float threshold, const ActiveList<kBatch>& list,
                             int* warp_counts) {
  constexpr int kTests = tests_per_thread<kBatch>();
  const int lane = threadIdx.x % 32;
  const int warp = threadIdx.x / 32;
  const int warps = blockDim.x / 32;
  unsigned ballots[kTests];
  T values[kTests][kBatch];
  int count = 0;
  const int rest = end - begin;
#pragma unroll
  for (int k = 0; k < kTests; ++k) {
    if (k * static_cast<int>(blockDim.x) >= rest) break;
    const int j = begin + k * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x);
#pragma unroll
    for (int b = 0; b < kBatch; ++b)
      values[k][b] = j < end ? x[static_cast<long long>(b) * cols + j] : from_f32<T>(0.F);
  }
#pragma unroll
  for (int k = 0; k < kTests; ++k) {
    if (k * static_cast<int>(blockDim.x) >= rest) break;
    const int j = begin + k * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x);
    bool active = false;
#pragma unroll
    for (int b = 0; b < kBatch; ++b) active |= !(fabsf(to_f32(values[k][b])) <= threshold);
    ballots[k] = __ballot_sync(~0U, active && j < end);
    count += __popc(ballots[k]);
  }
  if (lane == 0) warp_counts[warp] = count;
  __syncthreads();
  int at = 0;
  int total = 0;
  for (int w = 0; w < warps; ++w) {
    const int c = warp_counts[w];
    at += w < warp ? c : 0;
    total += c;
  }
#pragma unroll
  for (int k = 0; k < kTests; ++k) {
    if (k * static_cast<int>(blockDim.x) >= rest) break;
    const unsigned below = ballots[k] & ((1U << lane) - 1U);
    if ((ballots[k] >> lane & 1U) != 0) {
      const int place = at + __popc(below);
      list.column[place] = begin + k * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x);
#pragma unroll
      for (int b = 0; b < kBatch; ++b) {
        const float v = to_f32(values[k][b]);
        list.x[place * kBatch + b] = fabsf(v) <= threshold ? 0.0F : v;
      }
    }
    at += __popc(ballots[k]);
  }
  __syncthreads();
  return total;
}

template <typename T, int kBatch, int kOctets>
__device__ __forceinline__ void add_octet(const Octet<T>& octet, int o, const float* x,
                                          float (&sums)[kBatch][8 * kOctets]) {
  float values[8];
  octet.widen(values);
#pragma unroll
  for (int b = 0; b < kBatch; ++b) {
#pragma unroll
    for (int v = 0; v < 8; ++v) sums[b][8 * o + v] = fmaf(values[v], x[b], sums[b][8 * o + v]);
  }
}

// Any alignment: loads into registers.
template <typename T, int kBatch, int kOctets>
__device__ __forceinline__ void accumulate_unaligned(const T* w, long long stride, int n_rows,
                                                     const ActiveList<kBatch>& list, int n,
                                                     float (&sums)[kBatch][8 * kOctets]) {
  const int warps = blockDim.x / 32;
  for (int i = threadIdx.x / 32; i < n; i += warps) {
#pragma unroll
    for (int o = 0; o < kOctets; ++o) {
      Octet<T> octet;
      octet.load(w + list.column[i] * stride + o * kLaneTile, n_rows - o * kLaneTile);
      add_octet<T, kBatch, kOctets>(octet, o, list.x + i * kBatch, sums);
    }
  }
}

// Columns of a matrix from this lane's rows on.
template <typename T>
struct Columns {
  const T* w;
  long long stride;
};

// Every lane copies its octets to a queue of its own in shared memory, kQueue of them on the way. The warp's k-th
// column is entry warp + k·warps of the list, which the second matrix goes through after the first, where kBoth.
template <typename T, int kBatch, int kOctets, bool kBoth>
__device__ __forceinline__ void accumulate_queued(const Columns<T>& first, const Columns<T>& second, int n_rows,
                                                  const ActiveList<kBatch>& list, int n, unsigned queue,
                                                  float (&first_sums)[kBatch][8 * kOctets],
                                                  float (&second_sums)[kBatch][8 * kOctets]) {
  constexpr int kParts = sizeof(T) / 2;  // copies of 16 bytes in an octet
  constexpr int kColumns = kTogether / kOctets;
  const int warps = blockDim.x / 32;
  const int all = kBoth ? 2 * n : n;
  unsigned long long policy = 0;  // weights are read once: what others keep in L2 shall stay there
  asm volatile("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  const auto start = [&](int i, int place) {
    if (i >= all) return;
    const bool of_second = kBoth && i >= n;
    const T* column =
        of_second ? second.w + list.column[i - n] * second.stride : first.w + list.column[i] * first.stride;
#pragma unroll
    for (int o = 0; o < kOctets; ++o) {
      if (o * kLaneTile < n_rows) {
#pragma unroll
        for (int p = 0; p < kParts; ++p) {
          asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2;" ::"r"(
                           queue + ((place + o) * kParts + p) * 512),
                       "l"(column + o * kLaneTile + p * (16 / sizeof(T))), "l"(policy)
                       : "memory");
        }
      }
    }
  };
  int next = threadIdx.x / 32;
#pragma unroll
  for (int g = 0; g < kQueue / kTogether; ++g) {
#pragma unroll
    for (int k = 0; k < kColumns; ++k, next += warps) start(next, g * kTogether + k * kOctets);
    asm volatile("cp.async.commit_group;" ::: "memory");
  }
  int place = 0;
  for (int at = threadIdx.x / 32; at < all; at += kColumns * warps) {
    asm volatile("cp.async.wait_group %0;" ::"n"(kQueue / kTogether - 1) : "memory");
    Octet<T> octets[kTogether];
#pragma unroll
    for (int k = 0; k < kTogether; ++k) {
#pragma unroll
      for (int p = 0; p < kParts; ++p) octets[k].raw[p] = load_shared_16(queue + ((place + k) * kParts + p) * 512);
    }
#pragma unroll
    for (int k = 0; k < kColumns; ++k, next += warps) start(next, place + k * kOctets);
    asm volatile("cp.async.commit_group;" ::: "memory");
#pragma unroll
    for (int k = 0; k < kColumns; ++k) {
      const int i = at + k * warps;
      if (i >= all) continue;
#pragma unroll
      for (int o = 0; o < kOctets; ++o) {
        if (kBoth && i >= n) {
          add_octet<T, kBatch, kOctets>(octets[k * kOctets + o], o, list.x + (i - n) * kBatch, second_sums);
        } else {
          add_octet<T, kBatch, kOctets>(octets[k * kOctets + o], o, list.x + i * kBatch, first_sums);
        }
      }
    }
    place = place + kTogether == kQueue ? 0 : place + kTogether;
  }
  asm volatile("cp.async.wait_group 0;" ::: "memory");
}

// The place of value v of a lane among the outputs of its warp.
__device__ __forceinline__ int output_of(int lane, int octet) { return octet * kLaneTile + lane * 8; }

// Sums of the block's warps, in order: partial[b][tile]. scratch holds warps·tile floats.
template <int kBatch, int kOctets>
__device__ void reduce_warps(const float (&sums)[kBatch][8 * kOctets], float* scratch, float* partial) {
  constexpr int kTile = kLaneTile * kOctets;
  const int lane = threadIdx.x % 32;
  const int warp = threadIdx.x / 32;
  const int warps = blockDim.x / 32;
#pragma unroll
  for (int b = 0; b < kBatch; ++b) {
    __syncthreads();
#pragma unroll
    for (int o = 0; o < kOctets; ++o) {
      float4* own = reinterpret_cast<float4*>(scratch + warp * kTile + output_of(lane, o));
      own[0] = make_float4(sums[b][8 * o], sums[b][8 * o + 1], sums[b][8 * o + 2], sums[b][8 * o + 3]);
      own[1] = make_float4(sums[b][8 * o + 4], sums[b][8 * o + 5], sums[b][8 * o + 6], sums[b][8 * o + 7]);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < kTile; i += blockDim.x) {
      float sum = 0.0F;
      for (int w = 0; w < warps; ++w) sum += scratch[w * kTile + i];
      partial[b * kTile + i] = sum;
    }
  }
}

}  // namespace lacuna::kernels::cuda
