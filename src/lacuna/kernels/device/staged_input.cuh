// A product's input on its way into a block's shared memory, as 16-bit elements in column order: by the bulk copy
// engine where it is plain, aligned to 16 bytes and of a multiple of 8 columns, by the threads otherwise.
//
//   StagedInput<T> input(args.input, cols, memory, barrier);
//   __syncthreads();
//   input.start();    // once the grids before have ended; before the first weights are asked for, where possible:
//                     // a copy waits behind all that a multiprocessor has asked for before
//   input.finish();   // then every thread may read cols elements; up to 8 more may be written
//
// All threads call every function; memory is aligned to 16 bytes, barrier (its shared address) to 8.
#pragma once

#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/ends.cuh"

namespace lacuna::kernels::cuda {

template <typename T>
class StagedInput {
  static_assert(sizeof(T) == 2);

 public:
  __device__ __forceinline__ StagedInput(const ProductInput& in, int cols, T* memory, unsigned barrier)
      : in_(in),
        cols_(cols),
        memory_(memory),
        barrier_(barrier),
        bulk_(in.kind == InputKind::plain && cols % 8 == 0 && reinterpret_cast<std::uintptr_t>(in.x) % 16 == 0),
        reader_(in, cols) {
    if (!bulk_ || threadIdx.x != 0) return;
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(barrier_) : "memory");
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }

  __device__ __forceinline__ void start() const {
    if (!bulk_ || threadIdx.x != 0) return;
    const unsigned bytes = static_cast<unsigned>(cols_) * 2U;
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier_), "r"(bytes) : "memory");
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                     shared_address(memory_)),
                 "l"(in_.x), "r"(bytes), "r"(barrier_)
                 : "memory");
  }

  __device__ __forceinline__ void finish() const {
    if (bulk_) return wait_for_barrier(barrier_, 0);
    reader_.stage(memory_, (cols_ + 7) / 8 * 8);
    __syncthreads();
  }

 private:
  const ProductInput& in_;
  int cols_;
  T* memory_;
  unsigned barrier_;
  bool bulk_;
  InputReader<T> reader_;
};

}  // namespace lacuna::kernels::cuda
