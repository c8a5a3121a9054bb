// How a block adds up the columns of a product: a thread has eight rows of the first active columns of its turn's word
// (column_list.cuh) and of every turns-th one of the list, through a ring of asynchronous copies of its own.
#pragma once

#include "lacuna/kernels/decode_layers/column_list.cuh"
#include "lacuna/kernels/device/bulk_ring.cuh"
#include "lacuna/kernels/device/tensor_core.cuh"

namespace lacuna::kernels::cuda {

constexpr int kRingOctets = kOwnColumns;       // of a thread on their way
constexpr int kRingGroup = 2;                  // of them waited for at a time
constexpr int kTurnBytes = kStepThreads * 16;  // an octet of every thread
constexpr int kRingBytes = kRingOctets * kTurnBytes;

template <typename T>
class ColumnStream {
 public:
  // stripe: the block's weights; ring: shared address of this thread's first octet.
  __device__ __forceinline__ ColumnStream(const unsigned char* stripe, const BlockWork& block, const ThreadWork& work,
                                          float threshold, unsigned ring)
      : weights_(stripe + work.slot * 16),
        stride_(static_cast<unsigned>(block.slots) * 16),
        threshold_(threshold),
        turn_(work.turn),
        turns_(block.turns),
        ring_(ring) {}

  // Asks for this turn's own columns, of `words` words of bits; x: the inputs' bits. All in shared memory.
  __device__ __forceinline__ void start(const std::uint32_t* bits, int words, const std::uint16_t* x) {
    const int word = turn_ < min(turns_, words) ? turn_ : 0;
    std::uint32_t left = word == turn_ ? bits[word] : 0;
    n_own_ = __popc(left);
#pragma unroll
    for (int k = 0; k < kOwnColumns; ++k) {
      own_[k] = entry_of(word * 32 + max(__ffs(static_cast<int>(left)) - 1, 0), x);
      left &= left - 1;
    }
#pragma unroll
    for (int k = 0; k < kOwnColumns; ++k) {
      if (k < n_own_) copy(k, own_[k]);
      if (k % kRingGroup == kRingGroup - 1) end_copies();
    }
  }

  // Adds them and the list's n columns to the sums; list: its shared address.
  __device__ __forceinline__ void run(unsigned list, int n, float (&sums)[8]) {
    list_ = list;
    n_ = turn_ < turns_ ? n : 0;
    next_ = turn_;
#pragma unroll
    for (int place = 0; place < kRingOctets; place += kRingGroup) {
      uint4 octets[kRingGroup];
      take(place, octets);
#pragma unroll
      for (int k = 0; k < kRingGroup; ++k) {
        if (place + k < n_own_) add(own_[place + k], octets[k], sums);
      }
    }
    int place = 0;
    for (int at = turn_; at < n_; at += kRingGroup * turns_) {
      uint4 octets[kRingGroup];
      take(place, octets);
#pragma unroll
      for (int k = 0; k < kRingGroup; ++k) {
        const int i = at + k * turns_;
        if (i < n_) add(load_shared_4(list_ + i * 4), octets[k], sums);
      }
      place = place + kRingGroup == kRingOctets ? 0 : place + kRingGroup;
    }
    wait_for_copies<0>();
  }

 private:
  static_assert(kRingOctets % kRingGroup == 0);

  // The oldest group's octets, once they are there; the list's next take their place.
  __device__ __forceinline__ void take(int place, uint4 (&octets)[kRingGroup]) {
    wait_for_copies<kRingOctets / kRingGroup - 1>();
#pragma unroll
    for (int k = 0; k < kRingGroup; ++k) octets[k] = load_shared_16(ring_ + (place + k) * kTurnBytes);
#pragma unroll
    for (int k = 0; k < kRingGroup; ++k, next_ += turns_) {
      if (next_ < n_) copy(place + k, load_shared_4(list_ + next_ * 4));
    }
    end_copies();
  }

  __device__ __forceinline__ void copy(int place, std::uint32_t entry) const {
    if (!reads(entry)) return;
    copy_16(ring_ + place * kTurnBytes, weights_ + static_cast<unsigned long long>(entry >> 16) * stride_, true,
            read_once());
  }

  // Parts' thresholds may differ: an active column may be active for others only.
  __device__ __forceinline__ bool reads(std::uint32_t entry) const {
    return !(fabsf(input_of<T>(entry)) <= threshold_);
  }

  __device__ __forceinline__ void add(std::uint32_t entry, const uint4& octet, float (&sums)[8]) const {
    if (reads(entry)) add_octet<T>(octet, input_of<T>(entry), sums);
  }

  const unsigned char* weights_;
  unsigned stride_;  // bytes
  float threshold_;
  int turn_;
  int turns_;
  unsigned ring_;
  std::uint32_t own_[kOwnColumns];
  int n_own_ = 0;
  unsigned list_ = 0;
  int n_ = 0;
  int next_ = 0;
};

}  // namespace lacuna::kernels::cuda
