// How a block adds up the columns of a product: a thread has eight rows of every turns-th one, through a ring of
// asynchronous copies of its own.
#pragma once

#include "lacuna/kernels/decode_layers/column_list.cuh"
#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/tensor_core.cuh"

namespace lacuna::kernels::cuda {

constexpr int kRingOctets = 6;                 // of a thread on their way
constexpr int kRingGroup = 2;                  // of them waited for at a time
constexpr int kTurnBytes = kStepThreads * 16;  // an octet of every thread
constexpr int kRingBytes = kRingOctets * kTurnBytes;

template <typename T>
class ColumnStream {
 public:
  // stripe: the block's weights; ring, list: shared addresses of this thread's first octet and of the columns, of which
  // the first n are known.
  __device__ __forceinline__ ColumnStream(const unsigned char* stripe, const BlockWork& block, const ThreadWork& work,
                                          float threshold, unsigned ring, unsigned list, int n)
      : weights_(stripe + work.slot * 16),
        stride_(static_cast<unsigned>(block.slots) * 16),
        threshold_(threshold),
        turns_(block.turns),
        ring_(ring),
        list_(list),
        n_(work.turn < block.turns ? n : -1),
        at_(work.turn),
        next_(work.turn) {}

  // Asks for the first columns, as far as they are known.
  __device__ __forceinline__ void start() {
    for (; asked_ < kGroups && next_ + (kRingGroup - 1) * turns_ < n_; ++asked_) ask(asked_ * kRingGroup);
  }

  // There are n columns: adds them to the sums.
  __device__ __forceinline__ void run(int n, float (&sums)[8]) {
    n_ = n_ < 0 ? n_ : n;
    for (; asked_ < kGroups; ++asked_) ask(asked_ * kRingGroup);
    int place = 0;
    for (; at_ < n_; at_ += kRingGroup * turns_) {
      wait_for_copies<kGroups - 1>();
      uint4 octets[kRingGroup];
#pragma unroll
      for (int k = 0; k < kRingGroup; ++k) octets[k] = load_shared_16(ring_ + (place + k) * kTurnBytes);
      ask(place);
#pragma unroll
      for (int k = 0; k < kRingGroup; ++k) add(at_ + k * turns_, octets[k], sums);
      place = place + kRingGroup == kRingOctets ? 0 : place + kRingGroup;
    }
    wait_for_copies<0>();
  }

 private:
  static constexpr int kGroups = kRingOctets / kRingGroup;

  __device__ __forceinline__ void ask(int place) {
    const unsigned long long policy = read_once();
#pragma unroll
    for (int k = 0; k < kRingGroup; ++k, next_ += turns_) {
      if (next_ >= n_) continue;
      const std::uint32_t entry = load_shared_4(list_ + next_ * 4);
      if (!reads(entry)) continue;
      copy_16(ring_ + (place + k) * kTurnBytes, weights_ + static_cast<unsigned long long>(entry >> 16) * stride_, true,
              policy);
    }
    end_copies();
  }

  // Parts' thresholds may differ: a listed column may be active for others only.
  __device__ __forceinline__ bool reads(std::uint32_t entry) const {
    return !(fabsf(input_of<T>(entry)) <= threshold_);
  }

  __device__ __forceinline__ void add(int i, const uint4& octet, float (&sums)[8]) const {
    if (i >= n_) return;
    const std::uint32_t entry = load_shared_4(list_ + i * 4);
    if (reads(entry)) add_octet<T>(octet, input_of<T>(entry), sums);
  }

  const unsigned char* weights_;
  unsigned stride_;  // bytes
  float threshold_;
  int turns_;
  unsigned ring_;
  unsigned list_;
  int n_;
  int at_;
  int next_;
  int asked_ = 0;  // groups
};

}  // namespace lacuna::kernels::cuda
