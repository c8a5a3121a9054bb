// Active columns added to the sums of a tile of rows, compiled once for each target that includes it.
//
// Columns go by eight at a time: one load and one store of the sums for eight columns. What a core has under way at
// once is what fits into its window of instructions, so that few instructions a line of weights are many lines on their
// way (README.md). What comes next is asked for ahead, across the gaps between columns, which no hardware prefetcher
// foresees.
#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "lacuna/kernels/sparse_gemv/row_range.hpp"

// Re-included for every target: no ordinary include guard.
#if defined(LACUNA_KERNELS_COLUMNS_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef LACUNA_KERNELS_COLUMNS_INL_
#undef LACUNA_KERNELS_COLUMNS_INL_
#else
#define LACUNA_KERNELS_COLUMNS_INL_
#endif

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET != HWY_SCALAR

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::VFromD<D>;

constexpr auto kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));
constexpr std::int64_t kPair = 2 * kLanes;  // rows whose sums lie in two vectors, in the order of Element::load
// Bytes of a column between what is asked for and what is added.
constexpr std::int64_t bytes_ahead(int batch) { return batch == 1 ? 768 : 1536; }

// load: half `kHalf` of kPair weights; store: both halves in the order of the rows.
struct InOrder {
  static HWY_INLINE void store(V first, V second, float* out) {
    hn::StoreU(first, D(), out);
    hn::StoreU(second, D(), out + kLanes);
  }
};
struct F32 : InOrder {
  static constexpr std::int64_t kBytes = 4;
  template <int kHalf>
  static HWY_INLINE V load(const std::byte* at) {
    return hn::LoadU(D(), reinterpret_cast<const float*>(at) + kHalf * kLanes);
  }
};
struct F16 : InOrder {
  static constexpr std::int64_t kBytes = 2;
  template <int kHalf>
  static HWY_INLINE V load(const std::byte* at) {
    const hn::Rebind<std::uint16_t, D> bits;
    const hn::Rebind<hwy::float16_t, D> half;
    const auto* from = reinterpret_cast<const std::uint16_t*>(at) + kHalf * kLanes;
    return hn::PromoteTo(D(), hn::BitCast(half, hn::LoadU(bits, from)));
  }
};
// Even rows, then odd ones: a shift and a mask of one load.
struct Bf16 {
  static constexpr std::int64_t kBytes = 2;
  template <int kHalf>
  static HWY_INLINE V load(const std::byte* at) {
    const hn::RebindToUnsigned<D> wide;
    const auto pairs = hn::LoadU(wide, reinterpret_cast<const std::uint32_t*>(at));
    return hn::BitCast(D(), kHalf == 0 ? hn::ShiftLeft<16>(pairs) : hn::And(pairs, hn::Set(wide, 0xFFFF0000U)));
  }
  static HWY_INLINE void store(V even, V odd, float* out) { hn::StoreInterleaved2(even, odd, D(), out); }
};

// Rows of a product whose sums stay in L1 while its active columns go by.
struct Tile {
  const ActiveColumns& active;
  const std::byte* base;  // the tile's first row of column 0
  std::int64_t column_bytes;
  std::int64_t rows;
  float* sums;  // batch×pitch, pairs in the order of Element::load
  std::int64_t pitch;

  HWY_INLINE const std::byte* column(std::int64_t k) const {
    return base + active.columns[static_cast<std::size_t>(k)] * column_bytes;
  }
};

// Columns on their way through a tile, the ones after them, and their inputs: in registers for a batch of 1.
template <int kColumns, int kBatch>
struct ColumnGroup {
  const std::byte* at[kColumns];
  const std::byte* next[kColumns];
  const float* x;  // kColumns×kBatch
  V of_one[kColumns];

  HWY_INLINE ColumnGroup(const Tile& tile, std::int64_t k) : x(tile.active.inputs.data() + k * kBatch) {
    const std::int64_t after = std::min(k + kColumns, tile.active.count);  // the list goes on with its last column
    for (int c = 0; c < kColumns; ++c) {
      at[c] = tile.column(k + c);
      next[c] = tile.column(after + c);
      if constexpr (kBatch == 1) of_one[c] = hn::Set(D(), x[c]);
    }
  }
};

// sums[b·pitch + i] += Σ_c w_c[i] · x[c, b] for kPair rows at byte `offset` of each column.
template <typename Element, int kColumns>
HWY_INLINE void add_pair(const ColumnGroup<kColumns, 1>& group, std::int64_t offset, float* sums, std::int64_t) {
  V first = hn::Load(D(), sums);
  V second = hn::Load(D(), sums + kLanes);
  for (int c = 0; c < kColumns; ++c) {
    first = hn::MulAdd(Element::template load<0>(group.at[c] + offset), group.of_one[c], first);
    second = hn::MulAdd(Element::template load<1>(group.at[c] + offset), group.of_one[c], second);
  }
  hn::Store(first, D(), sums);
  hn::Store(second, D(), sums + kLanes);
}

template <typename Element, int kHalf, int kColumns, int kBatch>
HWY_INLINE void add_half(const ColumnGroup<kColumns, kBatch>& group, std::int64_t offset, float* sums,
                         std::int64_t pitch) {
  V w[kColumns];
  for (int c = 0; c < kColumns; ++c) w[c] = Element::template load<kHalf>(group.at[c] + offset);
  for (int b = 0; b < kBatch; ++b) {
    float* const at = sums + b * pitch + kHalf * kLanes;
    V sum = hn::Load(D(), at);
    for (int c = 0; c < kColumns; ++c) sum = hn::MulAdd(w[c], hn::Set(D(), group.x[c * kBatch + b]), sum);
    hn::Store(sum, D(), at);
  }
}

template <typename Element, int kColumns, int kBatch>
HWY_INLINE void add_pair(const ColumnGroup<kColumns, kBatch>& group, std::int64_t offset, float* sums,
                         std::int64_t pitch) {
  add_half<Element, 0>(group, offset, sums, pitch);
  add_half<Element, 1>(group, offset, sums, pitch);
}

template <typename Element, int kColumns, int kBatch>
HWY_INLINE void add_strip(const ColumnGroup<kColumns, kBatch>& group, std::int64_t offset, float* sums,
                          std::int64_t pitch) {
  HWY_UNROLL(4)
  for (std::int64_t i = 0; i < kStrip; i += kPair) {
    add_pair<Element>(group, offset + i * Element::kBytes, sums + i, pitch);
  }
}

// The rows of a tile that do not fill a strip, from padded copies.
template <typename Element, int kColumns, int kBatch>
HWY_INLINE void add_last_rows(const ColumnGroup<kColumns, kBatch>& group, std::int64_t first, const Tile& tile) {
  constexpr std::int64_t kStripBytes = kStrip * Element::kBytes;
  alignas(64) std::byte last[kColumns][kStripBytes] = {};
  ColumnGroup<kColumns, kBatch> copies = group;
  for (int c = 0; c < kColumns; ++c) {
    std::memcpy(last[c], group.at[c] + first * Element::kBytes,
                static_cast<std::size_t>((tile.rows - first) * Element::kBytes));
    copies.at[c] = last[c];
  }
  add_strip<Element>(copies, 0, tile.sums + first, tile.pitch);
}

template <std::int64_t kBytes, std::size_t kColumns>
HWY_INLINE void ask(const std::byte* const (&columns)[kColumns], std::int64_t offset) {
  for (std::int64_t line = 0; line < kBytes; line += 64) {
    for (const std::byte* column : columns) {
      _mm_prefetch(reinterpret_cast<const char*>(column) + offset + line, _MM_HINT_T0);
    }
  }
}

// Active columns [k, k + kColumns). Asks memory some bytes of each column ahead: near its end, for the beginning of the
// next one, so that nothing is asked for that is not read.
template <typename Element, int kColumns, int kBatch>
HWY_INLINE void add_columns(const Tile& tile, std::int64_t k) {
  constexpr std::int64_t kStripBytes = kStrip * Element::kBytes;
  const ColumnGroup<kColumns, kBatch> group(tile, k);
  const std::int64_t end = tile.rows / kStrip * kStripBytes;
  constexpr std::int64_t kAhead = bytes_ahead(kBatch);
  const std::int64_t turn = std::max<std::int64_t>(end - kAhead, 0);
  float* sums = tile.sums;
  std::int64_t at = 0;  // bytes; few registers in the loop, the columns need eight
  for (; at < turn; at += kStripBytes, sums += kStrip) {
    ask<kStripBytes>(group.at, at + kAhead);
    add_strip<Element>(group, at, sums, tile.pitch);
  }
  for (; at < end; at += kStripBytes, sums += kStrip) {
    ask<kStripBytes>(group.next, at - turn);
    add_strip<Element>(group, at, sums, tile.pitch);
  }
  const std::int64_t first = sums - tile.sums;
  if (first < tile.rows) add_last_rows<Element>(group, first, tile);
}

template <typename Element, int kBatch>
void add_tile(const Tile& tile) {
  std::int64_t k = 0;
  for (; k + kGroup <= tile.active.count; k += kGroup) add_columns<Element, kGroup, kBatch>(tile, k);
  for (; k < tile.active.count; ++k) add_columns<Element, 1, kBatch>(tile, k);
  for (int b = 0; b < kBatch; ++b) {
    for (float* at = tile.sums + b * tile.pitch; at < tile.sums + (b + 1) * tile.pitch; at += kPair) {
      Element::store(hn::Load(D(), at), hn::Load(D(), at + kLanes), at);
    }
  }
}

#endif

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // LACUNA_KERNELS_COLUMNS_INL_
