// How the blocks of a launch tell each other values without a barrier. A value is one word of device memory, an f32
// whose last bit names the turn that it belongs to, 0 and 1 in alternation: who needs it reads until the bit is right.
// A word is written and read whole, so a right bit means a right value, and nothing else has to be ordered.
//
// Before the first turn, of bit 0, all words have bit 1.
#pragma once

#include <cstdint>

#include "lacuna/kernels/device/half.cuh"

namespace lacuna::kernels::cuda {

__device__ __forceinline__ void publish(float* word, float value, unsigned turn) {
  unsigned bits = __float_as_uint(value);
  if ((bits & 0x7fffffffU) == 0x7f800000U) --bits;  // an infinity with last bit 1 would be no number
  bits = (bits & ~1U) | turn;
  asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" ::"l"(word), "r"(bits) : "memory");
}

__device__ __forceinline__ float read_word(const float* word) {
  float value;
  asm volatile("ld.relaxed.gpu.global.f32 %0, [%1];" : "=f"(value) : "l"(word) : "memory");
  return value;
}

// Eight values, wherever they are in coming.
struct Octet32 {
  uint4 low = {};
  uint4 high = {};

  __device__ __forceinline__ void read(const float* words) {
    asm volatile("ld.relaxed.gpu.global.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(low.x), "=r"(low.y), "=r"(low.z), "=r"(low.w)
                 : "l"(words)
                 : "memory");
    asm volatile("ld.relaxed.gpu.global.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(high.x), "=r"(high.y), "=r"(high.z), "=r"(high.w)
                 : "l"(words + 4)
                 : "memory");
  }

  __device__ __forceinline__ bool is_of(unsigned turn) const {
    const unsigned all = low.x & low.y & low.z & low.w & high.x & high.y & high.z & high.w & 1U;
    const unsigned any = (low.x | low.y | low.z | low.w | high.x | high.y | high.z | high.w) & 1U;
    return all == turn && any == turn;
  }

  __device__ __forceinline__ void values(float (&out)[8]) const {
    const unsigned words[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
    for (int k = 0; k < 8; ++k) out[k] = __uint_as_float(words[k]);
  }
};

template <typename T>
__device__ __forceinline__ uint4 narrow_octet(const float (&values)[8]) {
  __align__(16) T narrow[8];
#pragma unroll
  for (int k = 0; k < 8; ++k) narrow[k] = from_f32<T>(values[k]);
  return *reinterpret_cast<const uint4*>(narrow);
}

// Which words, and how they are known to have come.
struct Published {
  const float* words;
  int n;          // a multiple of 8
  unsigned turn;  // above 1: they are there
};

// A thread's octets of published words, a block's octets apart.
template <int kOctets>
class Received {
 public:
  // From column `first` on.
  __device__ __forceinline__ explicit Received(int first) : first_(first) {}

  // Returns when all of them are there.
  __device__ __forceinline__ void wait(const Published& from) {
#pragma unroll
    for (int k = 0; k < kOctets; ++k) {
      if (column(k) < from.n) octets_[k].read(from.words + column(k));
    }
    if (from.turn > 1) return;
#pragma unroll
    for (int k = 0; k < kOctets; ++k) {
      if (column(k) >= from.n) continue;
      while (!octets_[k].is_of(from.turn)) {
        __nanosleep(20);
        octets_[k].read(from.words + column(k));
      }
    }
  }

  __device__ __forceinline__ int column(int k) const {
    return first_ + (k * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * 8;
  }

  __device__ __forceinline__ const Octet32& operator[](int k) const { return octets_[k]; }

 private:
  int first_;
  Octet32 octets_[kOctets];
};

}  // namespace lacuna::kernels::cuda
