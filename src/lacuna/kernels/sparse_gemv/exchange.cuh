// Sums that the blocks of a cluster send each other, each to the block that adds it to the others' and stores it: by
// stores that count the bytes which have arrived at a barrier of the receiver, so that nobody waits for anything but
// its own sums (a barrier of the whole cluster takes half a microsecond).
#pragma once

#include "lacuna/kernels/device/bulk_ring.cuh"

namespace lacuna::kernels::cuda {

// One warp opens a block's inbox, which takes `bytes` once. Nothing is sent before cluster_has_started(). (The compiler
// lets the warp initialise the barrier, where the source lets a lane; so a later lane's access is a race in form.)
__device__ __forceinline__ void open_inbox(unsigned barrier, unsigned bytes) {
  const bool leader = threadIdx.x % 32 == 0;
  if (leader) asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(barrier) : "memory");
  __syncwarp();
  if (!leader) return;
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

// All threads call both, the first behind open_inbox.
__device__ __forceinline__ void tell_cluster_of_start() {
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
}
__device__ __forceinline__ void cluster_has_started() {
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
}

// What `address` of this block's shared memory is in that of a block of the cluster.
__device__ __forceinline__ unsigned address_in(unsigned address, unsigned block) {
  unsigned there;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(address), "r"(block));
  return there;
}

__device__ __forceinline__ void send_sum(unsigned to, float sum, unsigned barrier) {
  asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.b32 [%0], %1, [%2];" ::"r"(to),
               "r"(__float_as_uint(sum)), "r"(barrier)
               : "memory");
}

// Until all bytes have arrived.
__device__ __forceinline__ void wait_for_inbox(unsigned barrier) {
  unsigned done = 0;
  do {
    asm volatile(
        "{ .reg .pred p; mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%1], 0; selp.u32 %0, 1, 0, p; }"
        : "=r"(done)
        : "r"(barrier)
        : "memory");
  } while (done == 0);
}

}  // namespace lacuna::kernels::cuda
