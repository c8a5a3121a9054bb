// The list of active columns of a product, in a block's shared memory: ascending, 4 bytes a column, its number in the
// upper half, its input in the lower. It is made of one bit a column.
//
// So that weights are on their way while the list is made, turn t of a product (step_args.cuh) reads the first
// kOwnColumns active columns of word t of the bits without it; the list has the others.
#pragma once

#include "lacuna/kernels/decode_layers/step_args.cuh"
#include "lacuna/kernels/sparse_gemv/column_entry.cuh"

namespace lacuna::kernels::cuda {

constexpr int kStepWarps = kStepThreads / 32;
constexpr int kLaneWords = 2;   // that a lane holds
constexpr int kOwnColumns = 6;  // of a turn, at most
static_assert(kMostStepColumns <= kStepWarps * 32 * kLaneWords * 32);

// Inclusive sums over the first n lanes.
__device__ __forceinline__ int sum_through(int value, int n) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (int d = 1; d < n; d *= 2) {
    const int before = __shfl_up_sync(~0U, value, d);
    if (lane >= d) value += before;
  }
  return value;
}

// A column's entry; x: the inputs' bits.
__device__ __forceinline__ std::uint32_t entry_of(int column, const std::uint16_t* x) {
  return static_cast<std::uint32_t>(column) << 16 | x[column];
}

// A word's bits but the first kOwnColumns.
__device__ __forceinline__ std::uint32_t without_own(std::uint32_t word) {
#pragma unroll
  for (int k = 0; k < kOwnColumns; ++k) word &= word - 1;
  return word;
}

// Lists the columns 0 … cols−1 whose bit is set, but the own ones of that many turns; bits beyond `cols` are clear to
// the end of their word. x: the inputs' bits, in shared memory too. Returns how many it lists. All threads of the block
// call it after a barrier; afterwards all may read the list.
__device__ __forceinline__ int list_columns(const std::uint32_t* bits, const std::uint16_t* x, int cols, int turns,
                                            std::uint32_t* list, int* warp_counts) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  static_assert(kLaneWords == 2);
  constexpr int kTogether = 4;  // words of a warp: what they wait for, they wait for together
  const int words = (cols + 31) / 32;
  const int words_of_lane = (words + kStepThreads - 1) / kStepThreads;
  const int lanes = (words + kStepWarps * words_of_lane - 1) / (kStepWarps * words_of_lane);
  const int first = warp * lanes * words_of_lane;
  std::uint32_t own[kLaneWords] = {};
  int places[kLaneWords];  // where the words' columns begin
  int active = 0;
#pragma unroll
  for (int m = 0; m < kLaneWords; ++m) {
    const int word = first + lane * words_of_lane + m;
    if (m < words_of_lane && lane < lanes && word < words) {
      own[m] = word < turns ? without_own(bits[word]) : bits[word];
    }
    places[m] = active;
    active += __popc(own[m]);
  }
  const int through = sum_through(active, lanes);
  if (lane == lanes - 1) warp_counts[warp] = through;
  __syncthreads();
  const int count = lane < kStepWarps ? warp_counts[lane] : 0;
  const int n = __reduce_add_sync(~0U, count);
  const int before = __reduce_add_sync(~0U, lane < warp ? count : 0) + through - active;
  for (int m = 0; m < words_of_lane; ++m) {
    const std::uint32_t own_word = m == 0 ? own[0] : own[1];
    const int own_place = before + (m == 0 ? places[0] : places[1]);
    for (int l = 0; l < lanes; l += kTogether) {
      std::uint32_t word[kTogether];
      int place[kTogether];
      std::uint32_t entry[kTogether];
#pragma unroll
      for (int k = 0; k < kTogether; ++k) {
        word[k] = __shfl_sync(~0U, own_word, l + k);
        place[k] = __shfl_sync(~0U, own_place, l + k);
        const int column = (first + (l + k) * words_of_lane + m) * 32 + lane;
        entry[k] = entry_of(min(column, cols - 1), x);
      }
#pragma unroll
      for (int k = 0; k < kTogether; ++k) {
        if ((word[k] >> lane & 1U) != 0) list[place[k] + __popc(word[k] & ((1U << lane) - 1U))] = entry[k];
      }
    }
  }
  __syncthreads();
  return n;
}

}  // namespace lacuna::kernels::cuda
