// Which columns of a product are active, and the list of them in a block's shared memory: ascending, 4 bytes a column,
// its number in the upper half, its input in the lower.
//
// So that weights are on their way while the list is made, turn t of a product (step_args.cuh) reads the first
// kOwnColumns active columns of its word, 32t … 32t+31, without it; the list has the others.
#pragma once

#include "lacuna/kernels/decode_layers/step_args.cuh"
#include "lacuna/kernels/sparse_gemv/column_entry.cuh"

namespace lacuna::kernels::cuda {

constexpr int kStepWarps = kStepThreads / 32;
constexpr int kOwnColumns = 6;      // of a turn, at most
constexpr int kChunkColumns = 256;  // that a warp tests, and lists, at once
constexpr int kMostChunks = kMostStepColumns / kChunkColumns;
static_assert(kMostChunks <= 96);

// A column's entry; x: the inputs' bits.
__device__ __forceinline__ std::uint32_t entry_of(int column, const std::uint16_t* x) {
  return static_cast<std::uint32_t>(column) << 16 | x[column];
}

// Which columns are active, one bit a column; those of them for the list, to the end of a chunk; and how many each
// chunk has of these. In shared memory.
struct ActiveColumns {
  std::uint32_t* active;
  std::uint32_t* listed;
  int* counts;
};

// Of the first words, `turns` of them, leaves out what their turns read by themselves. All threads of the block call
// it; after a barrier all may read.
__device__ __forceinline__ void count_listed(const ActiveColumns& columns, int cols, int turns) {
  constexpr int kWords = kChunkColumns / 32;
  const int words = (cols + 31) / 32;
  const int in_chunks = (words + kWords - 1) / kWords * kWords;
  for (int first = 0; first < in_chunks; first += kStepThreads) {
    const int word = first + static_cast<int>(threadIdx.x);
    std::uint32_t left = word < words ? columns.active[word] : 0;
    if (word < turns) {
#pragma unroll
      for (int k = 0; k < kOwnColumns; ++k) left &= left - 1;
    }
    int count = __popc(left);
#pragma unroll
    for (int d = 1; d < kWords; d *= 2) count += __shfl_xor_sync(~0U, count, d);
    if (word >= in_chunks) break;
    columns.listed[word] = left;
    if (word % kWords == 0) columns.counts[word / kWords] = count;
  }
}

// Lists the columns of `cols` that are for the list; x: the inputs' bits, in shared memory too. Returns how many. All
// threads of the block call it after count_listed and a barrier; after another all may read the list.
__device__ __forceinline__ int list_columns(const ActiveColumns& columns, const std::uint16_t* x, int cols,
                                            std::uint32_t* list) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int chunks = (cols + kChunkColumns - 1) / kChunkColumns;
  int counts[kMostChunks / 32];
#pragma unroll
  for (int k = 0; k < kMostChunks / 32; ++k) counts[k] = lane + 32 * k < chunks ? columns.counts[lane + 32 * k] : 0;
  const auto before = [&](int chunk) {
    int sum = 0;
#pragma unroll
    for (int k = 0; k < kMostChunks / 32; ++k) sum += lane + 32 * k < chunk ? counts[k] : 0;
    return static_cast<int>(__reduce_add_sync(~0U, sum));
  };
  for (int chunk = static_cast<int>(threadIdx.x) / 32; chunk < chunks; chunk += kStepWarps) {
    constexpr int kWords = kChunkColumns / 32;
    const auto* packed = reinterpret_cast<const uint4*>(columns.listed + chunk * kWords);
    const uint4 low = packed[0];
    const uint4 high = packed[1];
    const std::uint32_t words[kWords] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
    std::uint32_t entries[kWords];
#pragma unroll
    for (int k = 0; k < kWords; ++k) entries[k] = entry_of(chunk * kChunkColumns + k * 32 + lane, x);
    std::uint32_t* to = list + before(chunk);
#pragma unroll
    for (int k = 0; k < kWords; ++k) {
      if ((words[k] >> lane & 1U) != 0) to[__popc(words[k] & ((1U << lane) - 1U))] = entries[k];
      to += __popc(words[k]);
    }
  }
  return before(chunks);
}

}  // namespace lacuna::kernels::cuda
