// A warp's own queue of consecutive bytes on their way from global to shared memory, by the bulk copy engine.
//
//   WarpRing<kStageBytes, kStages> ring(memory, barriers);   // barriers: kStages of this warp, initialised
//   ring.open(source, bytes);                                // starts the first kStages copies
//   while (…) { address = ring.wait(); …read shared memory…; ring.advance(of all that was read); }
//
// Why not registers: a load into registers is waited for through one of six counters a warp, and a counter that newer
// loads share makes the oldest wait for the newest. Here every stage has a barrier of its own.
//
// All lanes call every function. `source` and `bytes` are multiples of 16.
#pragma once

#include <cstdint>

namespace lacuna::kernels::cuda {

__device__ __forceinline__ unsigned shared_address(const void* p) {
  return static_cast<unsigned>(__cvta_generic_to_shared(p));
}

// An address that the compiler cannot split into a uniform and a lane's part: to such a sum ptxas 13.0 makes some
// asynchronous copies with a uniform register that nothing has written, an illegal instruction. All lanes call it.
__device__ __forceinline__ unsigned lane_address(unsigned address) {
  return __shfl_sync(~0U, address, static_cast<int>(threadIdx.x) % 32);
}

// This thread's warp in its block. The same for all lanes, and known to the compiler as such: addresses that follow
// from it lie in uniform registers, as copies want them.
__device__ __forceinline__ int own_warp() { return __shfl_sync(~0U, static_cast<int>(threadIdx.x) / 32, 0); }

// Until the phase of that parity of the barrier (its shared address) has completed.
__device__ __forceinline__ void wait_for_barrier(unsigned barrier, unsigned parity) {
  unsigned done = 0;
  do {
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                 : "=r"(done)
                 : "r"(barrier), "r"(parity)
                 : "memory");
  } while (done == 0);
}

// The cache policy that createpolicy.fractional.L2::evict_first makes for all of an access, as a constant, which takes
// no registers. Read once: what other kernels keep in L2 shall stay there.
inline constexpr unsigned long long kEvictFirst = 0x12f0000000000000ULL;

template <int kStageBytes, int kStages>
class WarpRing {
 public:
  static constexpr int kBytes = kStageBytes * kStages;

  __device__ __forceinline__ WarpRing(unsigned memory, unsigned barriers)
      : memory_(memory), barriers_(barriers), leader_(threadIdx.x % 32 == 0) {
    if (leader_) {
#pragma unroll
      for (int s = 0; s < kStages; ++s) {
        asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(barriers_ + 8 * s) : "memory");
      }
      asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncwarp();
  }

  __device__ __forceinline__ void open(const unsigned char* source, int bytes) {
    next_ = source;
    left_ = bytes;
#pragma unroll
    for (int s = 0; s < kStages; ++s) {
      start((stage_ + s) % kStages, 0);
    }
  }

  // Shared address of the oldest stage, once its bytes are there.
  __device__ __forceinline__ unsigned wait() const {
    wait_for_barrier(barriers_ + 8 * stage_, phase_);
    return memory_ + stage_ * kStageBytes;
  }

  // The oldest stage has been read: it takes the next bytes. read: anything that every load from it is needed for, for
  // which the copy waits: a load that has only been asked for stands in line with all other warps', and where these
  // collide in a bank, a copy overtakes it.
  __device__ __forceinline__ void advance(std::uint32_t read) {
    __syncwarp();
    start(stage_, read);
    if (++stage_ == kStages) {
      stage_ = 0;
      phase_ ^= 1U;
    }
  }

 private:
  __device__ __forceinline__ void start(int stage, std::uint32_t after) {
    if (left_ > 0 && leader_) {
      auto bytes = static_cast<unsigned>(left_ < kStageBytes ? left_ : kStageBytes);
      // The same number, but not before `after` is there.
      asm volatile("{ .reg .u32 t; or.b32 t, %1, 0x80000000; min.u32 %0, %0, t; }" : "+r"(bytes) : "r"(after));
      const unsigned barrier = barriers_ + 8 * stage;
      asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
      asm volatile(
          "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0], [%1], %2, [%3], "
          "%4;" ::"r"(memory_ + stage * kStageBytes),
          "l"(next_), "r"(bytes), "r"(barrier), "l"(kEvictFirst)
          : "memory");
    }
    next_ += kStageBytes;
    left_ -= kStageBytes;
  }

  unsigned memory_;
  unsigned barriers_;
  bool leader_;
  const unsigned char* next_ = nullptr;
  int left_ = 0;
  int stage_ = 0;
  unsigned phase_ = 0;
};

__device__ __forceinline__ uint4 load_shared_16(unsigned address) {
  uint4 v;
  asm volatile("ld.shared.v4.u32 {%0,%1,%2,%3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "r"(address));
  return v;
}
__device__ __forceinline__ uint2 load_shared_8(unsigned address) {
  uint2 v;
  asm volatile("ld.shared.v2.u32 {%0,%1}, [%2];" : "=r"(v.x), "=r"(v.y) : "r"(address));
  return v;
}
__device__ __forceinline__ std::uint32_t load_shared_4(unsigned address) {
  std::uint32_t v;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(v) : "r"(address));
  return v;
}
__device__ __forceinline__ std::uint32_t load_shared_2(unsigned address) {
  std::uint16_t v;
  asm volatile("ld.shared.u16 %0, [%1];" : "=h"(v) : "r"(address));
  return v;
}
__device__ __forceinline__ std::uint32_t load_shared_1(unsigned address) {
  std::uint32_t v;
  asm volatile("ld.shared.u8 %0, [%1];" : "=r"(v) : "r"(address));
  return v;
}

}  // namespace lacuna::kernels::cuda
