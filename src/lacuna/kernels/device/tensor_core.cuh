// What warps do with tensor cores: loads of fragments from shared memory, and one instruction of 16×8 sums over 16.
//
// Fragments, for lane l (PTX ISA, "Matrix fragments for mma.m16n8k16"):
//   A, 16×16   rows l/4 and l/4 + 8, columns 2·(l%4) … +1 and + 8: four words
//   B, 16×8    column l/4, rows 2·(l%4) … +1 and + 8: two words
//   sums       rows l/4 and l/4 + 8, columns 2·(l%4) … +1: four f32
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace lacuna::kernels::cuda {

// Four 8×8 matrices of 16-bit elements; lanes 8i … 8i+7 name the rows, 16 bytes each, of the i-th.
__device__ __forceinline__ void load_matrices(unsigned address, std::uint32_t (&out)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(address)
               : "memory");
}
__device__ __forceinline__ void load_transposed_matrices(unsigned address, std::uint32_t (&out)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(address)
               : "memory");
}

// sums += A·B
template <typename T>
__device__ __forceinline__ void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                             std::uint32_t b1);
template <>
__device__ __forceinline__ void multiply_add<__half>(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                                     std::uint32_t b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
template <>
__device__ __forceinline__ void multiply_add<__nv_bfloat16>(float (&sums)[4], const std::uint32_t (&a)[4],
                                                            std::uint32_t b0, std::uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// 16 bytes on their way to shared memory, past L1; zeros instead where `valid` is false, and then nothing is read.
__device__ __forceinline__ void copy_16(unsigned to, const void* from, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(valid ? 16 : 0) : "memory");
}
__device__ __forceinline__ void copy_16(unsigned to, const void* from, bool valid, unsigned long long policy) {
  asm volatile("cp.async.cg.shared.global.L2::cache_hint [%0], [%1], 16, %2, %3;" ::"r"(to), "l"(from),
               "r"(valid ? 16 : 0), "l"(policy)
               : "memory");
}
__device__ __forceinline__ void end_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kLeft>
__device__ __forceinline__ void wait_for_copies() {  // until at most kLeft groups are on their way
  asm volatile("cp.async.wait_group %0;" ::"n"(kLeft) : "memory");
}

// Weights are read once: what others keep in L2 shall stay there.
// Weights are read once: what others keep in L2 shall stay there. (What createpolicy.fractional.L2::evict_first makes
// of 1.0.)
__device__ __forceinline__ unsigned long long read_once() { return 0x12f0000000000000ULL; }

}  // namespace lacuna::kernels::cuda
