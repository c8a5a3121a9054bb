// Products of rows with a few inputs at once, shared by gemv and packed_gemv as dot-inl.h is: each row arrives from
// memory and is expanded once. Every input gets the bits that it gets alone: the same sums in the same order.
//
// Sums of one row with one input are four vectors, so that of all inputs' not even two rows' fit the registers, and the
// inputs themselves leave the first-level cache. Hence the nest, from the outside:
//
//   group    kGroup rows, whose sums lie in memory
//   tile     columns whose part of all inputs fits that cache; read from beyond it once a group
//   kPair rows of the group (two at 512 bits)
//   kChunk inputs: sums in registers. The first chunk takes blocks from memory and keeps them as they lie expanded;
//            further chunks take them from there, dense ones from the row
//
// A row is asked for kRowsAhead rows early, in the order of this nest, where the row in hand knows its place.
#include "lacuna/kernels/gemv/batches.hpp"
#include "lacuna/kernels/gemv/dot-inl.h"

// Re-included for every target: no ordinary include guard.
#if defined(LACUNA_KERNELS_BATCH_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef LACUNA_KERNELS_BATCH_INL_
#undef LACUNA_KERNELS_BATCH_INL_
#else
#define LACUNA_KERNELS_BATCH_INL_
#endif

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET != HWY_SCALAR

constexpr std::int64_t kGroup = 8;
constexpr std::int64_t kRowsAhead = 6;
constexpr std::int64_t kChunk = 2;
constexpr int kPair = LACUNA_WIDE_EXPAND ? 2 : 1;
constexpr std::int64_t kTileFloats = 4096;  // of all inputs: 16 KiB
constexpr std::int64_t kKeptColumns = kTileFloats / (kChunk + 1) / 64 * 64;

using RowSums = Vector[kMostBatch][4];

// Inputs as order_inputs laid them: tile by tile, chunk by chunk, then blocks with the chunk's inputs side by side.
struct BatchInputs {
  const float* data;
  std::int64_t count;
  std::int64_t cols;

  std::int64_t tile_columns() const { return kTileFloats / count / 64 * 64; }
};

struct InputTile {
  const float* data;
  std::int64_t count;
  std::int64_t cols;

  std::int64_t blocks() const { return cols / kBlock; }  // whole ones
  const float* chunk(std::int64_t first) const { return data + first * ((cols + kBlock - 1) / kBlock * kBlock); }
};

HWY_INLINE InputTile tile_at(const BatchInputs& x, std::int64_t column) {
  const std::int64_t cols = x.cols - column;
  return {x.data + column * x.count, x.count, cols < x.tile_columns() ? cols : x.tile_columns()};
}

// out: x.rows · padded_columns(x.cols) floats; scratch: as many for one.
HWY_INLINE void order_batch(DType dtype, MatrixView<const float> inputs, float* scratch, float* out) {
  const BatchInputs x{out, inputs.rows, inputs.cols};
  for (std::int64_t j = 0; j < x.count; ++j) {
    order_columns(dtype, inputs.row(j), x.cols, scratch);
    const std::int64_t first = j / kChunk * kChunk;
    const std::int64_t width = x.count - first < kChunk ? x.count - first : kChunk;
    for (std::int64_t column = 0; column < x.cols; column += x.tile_columns()) {
      const InputTile tile = tile_at(x, column);
      float* to = out + (tile.chunk(first) - x.data) + (j - first) * kBlock;
      for (std::int64_t c = 0; c < tile.cols; c += kBlock, to += width * kBlock) {
        std::memcpy(to, scratch + column + c, kBlock * sizeof(float));
      }
    }
  }
}

// Of the inputs from `first` on, a chunk.
template <typename Element, int kRows, typename Next>
HWY_INLINE void add_chunk(const InputTile& x, std::int64_t first, std::int64_t block, std::int64_t blocks,
                          RowSums* sums, const Next& next) {
  if (x.count - first == 1) {
    return add_blocks<Element, kRows, 1>(blocks, x.chunk(first) + block * kBlock, sums, first, next);
  }
  add_blocks<Element, kRows, kChunk>(blocks, x.chunk(first) + block * kChunk * kBlock, sums, first, next);
}

// The first chunk, from memory. Rows are walked in copies, which stay in registers.
template <typename Element, int kRows, bool kKeep, typename Row>
HWY_INLINE void add_fresh(const InputTile& x, Row* rows, const Ahead* ahead, RowSums* sums, std::byte* const* kept) {
  Row at[kRows];
  std::byte* to[kRows];
  HWY_UNROLL(8)
  for (int r = 0; r < kRows; ++r) {
    at[r] = rows[r];
    to[r] = kept[r];
  }
  add_chunk<Element, kRows>(x, 0, 0, x.blocks(), sums, [&](int r, Raw<Element>& raw) HWY_ATTR {
    at[r].next(raw, {ahead[r].values, ahead[r].bitmap, true});
    if (kKeep) {
      store_dense<Element>(raw, to[r]);
      to[r] += sizeof(raw);
    }
  });
  HWY_UNROLL(8)
  for (int r = 0; r < kRows; ++r) rows[r] = at[r];
}

// Another, from blocks that lie expanded.
template <typename Element, int kRows>
HWY_INLINE void add_kept(const InputTile& x, std::int64_t first, const std::byte* const* kept, RowSums* sums) {
  const std::byte* at[kRows];
  HWY_UNROLL(8)
  for (int r = 0; r < kRows; ++r) at[r] = kept[r];
  add_chunk<Element, kRows>(x, first, 0, x.blocks(), sums, [&](int r, Raw<Element>& raw) HWY_ATTR {
    load_dense<Element>(at[r], raw);
    in_register(raw.part[0]);
    in_register(raw.part[1]);
    at[r] += sizeof(raw);
  });
}

// Rows that go on at the tile's first column; they are moved to its end.
template <typename Element, int kRows, typename Row>
HWY_INLINE void add_tile(const InputTile& x, Row* rows, const Ahead* ahead, RowSums* sums) {
  alignas(64) std::byte room[kRows][Row::kExpands ? kKeptColumns * Element::kBytes : 1];
  std::byte* kept[kRows];
  const std::byte* again[kRows];
  HWY_UNROLL(8)
  for (int r = 0; r < kRows; ++r) {
    kept[r] = room[r];
    again[r] = Row::kExpands ? room[r] : rows[r].begin();
  }
  if (Row::kExpands && x.count > kChunk) {
    add_fresh<Element, kRows, Row::kExpands>(x, rows, ahead, sums, kept);
  } else {
    add_fresh<Element, kRows, false>(x, rows, ahead, sums, kept);
  }
  for (std::int64_t first = kChunk; first < x.count; first += kChunk) add_kept<Element, kRows>(x, first, again, sums);
  if (x.cols % kBlock == 0) return;
  alignas(64) std::byte last[kRows][kMaxBlockBytes] = {};
  HWY_UNROLL(8)
  for (int r = 0; r < kRows; ++r) rows[r].last(x.cols % kBlock, last[r]);
  for (std::int64_t first = 0; first < x.count; first += kChunk) {
    add_chunk<Element, kRows>(x, first, x.blocks(), 1, sums,
                              [&](int r, Raw<Element>& raw) HWY_ATTR { load_dense<Element>(last[r], raw); });
  }
}

// One tile of every row of a group; distance(i): how far from row i lies what is needed kRowsAhead rows later.
template <typename Element, typename Row, typename Distance>
HWY_INLINE void add_group(const InputTile& x, Row* rows, std::int64_t n, RowSums* sums, const Distance& distance) {
  std::int64_t i = 0;
  for (; i + kPair <= n; i += kPair) {
    Ahead ahead[kPair];
    for (std::int64_t k = 0; k < kPair; ++k) ahead[k] = distance(i + k);
    add_tile<Element, kPair>(x, rows + i, ahead, sums + i);
  }
  for (; i < n; ++i) {
    const Ahead ahead[1] = {distance(i)};
    add_tile<Element, 1>(x, rows + i, ahead, sums + i);
  }
}

HWY_INLINE void clear(RowSums* sums, std::int64_t rows, std::int64_t inputs) {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < inputs; ++j) {
      for (auto& sum : sums[i][j]) sum = zero_vector();
    }
  }
}

// Row `row` of every output.
HWY_INLINE void finish_sums(const RowSums& sums, std::int64_t row, MatrixView<float> y, float alpha, float beta) {
  for (std::int64_t j = 0; j < y.rows; ++j) {
    finish_row(total(sums[j][0], sums[j][1], sums[j][2], sums[j][3]), alpha, beta, y(j, row));
  }
}

// Rows [first, end) in two streams, taken in turns: a group's pairs then come from both.
struct TwoStreams {
  std::int64_t first;
  std::int64_t end;

  HWY_INLINE std::int64_t row(std::int64_t turn) const {
    const std::int64_t stream = (end - first) / 2;
    return turn < 2 * stream ? first + turn / 2 + turn % 2 * stream : end - 1;
  }
};

// y(j, r) for rows [first, end) and every input j: make_row(r) gives row r as DenseRow or PackedRow.
template <typename Element, typename MakeRow>
HWY_INLINE void multiply_batch(std::int64_t first, std::int64_t end, const BatchInputs& x, MatrixView<float> y,
                               float alpha, float beta, const MakeRow& make_row) {
  using Row = decltype(make_row(first));
  const TwoStreams order = {first, end};
  for (std::int64_t turn = 0; turn < end - first; turn += kGroup) {
    const std::int64_t n = end - first - turn < kGroup ? end - first - turn : kGroup;
    Row rows[kGroup];
    RowSums sums[kGroup];
    for (std::int64_t i = 0; i < n; ++i) rows[i] = make_row(order.row(turn + i));
    clear(sums, n, x.count);
    for (std::int64_t column = 0; column < x.cols; column += x.tile_columns()) {
      const bool last = column + x.tile_columns() >= x.cols;
      add_group<Element>(tile_at(x, column), rows, n, sums, [&](std::int64_t i) HWY_ATTR {
        const std::int64_t later = i + kRowsAhead;
        if (later < n || !last) return rows[i].to(rows[later % n]);
        return rows[i].to(make_row(order.row(turn + later)));
      });
    }
    for (std::int64_t i = 0; i < n; ++i) finish_sums(sums[i], order.row(turn + i), y, alpha, beta);
  }
}

#endif  // HWY_TARGET != HWY_SCALAR

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
