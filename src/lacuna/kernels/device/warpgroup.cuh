// What four warps do together on compute capability 9.0 (sm_90a): sums of 64×N products over 16, operands in shared
// memory, and boxes of a matrix copied there by the tensor copy engine.
//
// Operands lie in lines of 128 bytes, eight of which are swizzled: the 16-byte octet o of line l at place o ^ (l % 8),
// as the copy engine writes them. Tiles are aligned to 1024 bytes.
//
// Sums, for warp w and lane l of the four: row 16w + l/4 (+ 8), columns 8n + 2·(l%4) … +1: sums[4n … 4n+3], as
// mma.m16n8 (device/tensor_core.cuh).
#pragma once

#include <cuda.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>
#include <type_traits>

#include "lacuna/kernels/device/bulk_ring.cuh"

namespace lacuna::kernels::cuda {

__device__ __forceinline__ void make_barrier(unsigned barrier, unsigned arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
__device__ __forceinline__ void publish_barriers() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
__device__ __forceinline__ void arrive_at(unsigned barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
__device__ __forceinline__ void arrive_expecting(unsigned barrier, unsigned bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

// The box of `map` whose first element is (x, y), x the one that memory counts first.
__device__ __forceinline__ void copy_box(unsigned to, const CUtensorMap& map, int x, int y, unsigned barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::
          "r"(to),
      "l"(&map), "r"(x), "r"(y), "r"(barrier)
      : "memory");
}

// An operand of lines along the summed dimension, or across it (kAcross: line = one place of that dimension, 64 rows;
// 64 rows further on lie `apart` bytes further on).
template <bool kAcross>
__device__ __forceinline__ std::uint64_t operand(unsigned address, unsigned apart) {
  constexpr std::uint64_t kSwizzle128 = std::uint64_t{1} << 62;
  constexpr std::uint64_t kEightLines = std::uint64_t{1024 / 16} << 32;
  const std::uint64_t leading = kAcross ? apart / 16 : 1;
  return kSwizzle128 | kEightLines | leading << 16 | ((address & 0x3ffffU) >> 4);
}

__device__ __forceinline__ void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void end_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int kLeft>
__device__ __forceinline__ void wait_for_products() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kLeft) : "memory");
}

#define LACUNA_SUMS_8(i)                                                                                      \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), \
      "+f"(d[i + 7])
#define LACUNA_SUMS_32(i) LACUNA_SUMS_8(i), LACUNA_SUMS_8(i + 8), LACUNA_SUMS_8(i + 16), LACUNA_SUMS_8(i + 24)
#define LACUNA_WGMMA_64(TYPE)                                                                                        \
  asm volatile(                                                                                                      \
      "wgmma.mma_async.sync.aligned.m64n64k16.f32." TYPE "." TYPE                                                    \
      " {%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28," \
      "%29,%30,%31}, %32, %33, 1, 1, 1, 0, %34;"                                                                     \
      : LACUNA_SUMS_32(0)                                                                                            \
      : "l"(a), "l"(b), "n"(kAcross))
#define LACUNA_WGMMA_128(TYPE)                                                                                       \
  asm volatile(                                                                                                      \
      "wgmma.mma_async.sync.aligned.m64n128k16.f32." TYPE "." TYPE                                                   \
      " {%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28," \
      "%29,%30,%31,%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55," \
      "%56,%57,%58,%59,%60,%61,%62,%63}, %64, %65, 1, 1, 1, 0, %66;"                                                 \
      : LACUNA_SUMS_32(0), LACUNA_SUMS_32(32)                                                                        \
      : "l"(a), "l"(b), "n"(kAcross))

// sums += A·Bᵀ, A: 64×16, B: kRows×16 (both as `operand` says, A along the summed dimension). kSums = kRows / 2.
template <typename T, bool kAcross, int kSums>
__device__ __forceinline__ void multiply_add_group(float (&d)[kSums], std::uint64_t a, std::uint64_t b) {
  constexpr bool kHalf = std::is_same_v<T, __half>;
  if constexpr (kSums == 32) {
    if constexpr (kHalf) {
      LACUNA_WGMMA_64("f16");
    } else {
      LACUNA_WGMMA_64("bf16");
    }
  } else {
    static_assert(kSums == 64);
    if constexpr (kHalf) {
      LACUNA_WGMMA_128("f16");
    } else {
      LACUNA_WGMMA_128("bf16");
    }
  }
}
#undef LACUNA_WGMMA_128
#undef LACUNA_WGMMA_64
#undef LACUNA_SUMS_32
#undef LACUNA_SUMS_8

}  // namespace lacuna::kernels::cuda
