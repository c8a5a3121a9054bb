// A product's input on its way into a block's shared memory, as 16-bit elements in column order: by the bulk copy
// engine where it comes as it is (comes_in_bulk), by the threads otherwise.
//
//   StagedInput<T, kBulk> input(args.input, cols, memory, barrier);
//   input.start();    // once the grids before have ended. Before the first weights are asked for, where possible: a
//                     // copy waits behind all that a multiprocessor has asked for before
//   __syncthreads();
//   input.finish();   // then every thread may read cols elements; up to 8 more may be written
//
// All threads call every function; memory is aligned to 16 bytes, barrier (its shared address) to 8.
#pragma once

#include <cstdint>

#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/ends.cuh"

namespace lacuna::kernels::cuda {

// Said by the host, so that a kernel has only one of the two ways: what one needs in registers the other has for
// weights.
inline bool comes_in_bulk(const ProductInput& in, std::int64_t cols) {
  return in.kind == InputKind::plain && cols % 8 == 0 && reinterpret_cast<std::uintptr_t>(in.x) % 16 == 0;
}

template <typename T, bool kBulk>
class StagedInput {
  static_assert(sizeof(T) == 2);

 public:
  __device__ __forceinline__ StagedInput(const ProductInput& in, int cols, T* memory, unsigned)
      : cols_(cols), memory_(memory), reader_(in, cols) {}
  __device__ __forceinline__ void start() const {}
  __device__ __forceinline__ void finish() const {
    reader_.stage(memory_, (cols_ + 7) / 8 * 8);
    __syncthreads();
  }

 private:
  int cols_;
  T* memory_;
  InputReader<T> reader_;
};

template <typename T>
class StagedInput<T, true> {
  static_assert(sizeof(T) == 2);

 public:
  __device__ __forceinline__ StagedInput(const ProductInput& in, int cols, T* memory, unsigned barrier)
      : x_(in.x), bytes_(static_cast<unsigned>(cols) * 2U), memory_(shared_address(memory)), barrier_(barrier) {
    if (threadIdx.x != 0) return;
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(barrier_) : "memory");
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }

  __device__ __forceinline__ void start() const {
    if (threadIdx.x != 0) return;
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier_), "r"(bytes_) : "memory");
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(memory_),
        "l"(x_), "r"(bytes_), "r"(barrier_)
        : "memory");
  }

  __device__ __forceinline__ void finish() const { wait_for_barrier(barrier_, 0); }

 private:
  const void* x_;
  unsigned bytes_;
  unsigned memory_;
  unsigned barrier_;
};

}  // namespace lacuna::kernels::cuda
