// Products of rows with one vector, shared by gemv (dense rows) and packed_gemv (rows expanded on the way): compiled
// once for each target that includes it. Both take the same sums in the same order, so both give the same bits.
//
// A row is walked in blocks of kBlock columns. A block fills four vectors, each added to a sum of its own:
//
//   AVX-512   64 columns, 4 × 16 lanes; bf16: the even and the odd columns of each 32, which are a shift and a mask of
//             one register, so that x is stored in that order once per call (order_input)
//   AVX2      32 columns, 4 × 8 lanes
//
// A shorter last block is padded with zeros on both sides. kRows rows go at a time, one from each kRows-th of the
// range: every thread then reads kRows long streams, which keeps more of memory busy than one does (gemv/README.md).
#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "lacuna/core/dtype.hpp"
#include "lacuna/kernels/gemv/vectors-inl.h"

// Re-included for every target: no ordinary include guard.
#if defined(LACUNA_KERNELS_DOT_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef LACUNA_KERNELS_DOT_INL_
#undef LACUNA_KERNELS_DOT_INL_
#else
#define LACUNA_KERNELS_DOT_INL_
#endif

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET != HWY_SCALAR

constexpr std::int64_t kMaxBlockBytes = 64 * 4;

constexpr std::int64_t padded_columns(std::int64_t cols) { return (cols + 63) / 64 * 64; }

// x in the order of widen(), with zeros up to padded_columns().
HWY_INLINE void order_columns(DType dtype, const float* x, std::int64_t cols, float* out) {
  const std::int64_t padded = padded_columns(cols);
  if (cols == 0) return;
  std::memcpy(out, x, static_cast<std::size_t>(cols) * sizeof(float));
  std::memset(out + cols, 0, static_cast<std::size_t>(padded - cols) * sizeof(float));
#if LACUNA_WIDE_EXPAND
  if (dtype != DType::bf16) return;
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  for (std::int64_t c = 0; c < padded; c += 32) {
    const __m512 low = _mm512_loadu_ps(out + c);
    const __m512 high = _mm512_loadu_ps(out + c + 16);
    _mm512_storeu_ps(out + c, _mm512_permutex2var_ps(low, even, high));
    _mm512_storeu_ps(out + c + 16, _mm512_permutex2var_ps(low, odd, high));
  }
#else
  (void)dtype;
#endif
}

// How far ahead of the block in hand memory is asked for: rows follow each other, so that it is the next row's near the
// end. A dense row needs it where pages are small: hardware prefetchers stop at their ends.
constexpr std::int64_t kDenseAhead = 2048;
constexpr std::int64_t kValuesAhead = 6144;
constexpr std::int64_t kBitmapAhead = 1024;

struct Ahead {  // bytes
  std::ptrdiff_t values;
  std::ptrdiff_t bitmap;
  bool twice = false;  // both lines that a block's values can take: where rows are walked piece by piece
};

// A row of a dense matrix.
template <typename Element>
struct DenseRow {
  static constexpr bool kExpands = false;
  const std::byte* at;

  HWY_INLINE void next(Raw<Element>& raw, Ahead ahead = {kDenseAhead, 0}) {
    constexpr auto kBytes = kBlock * static_cast<std::int64_t>(Element::kBytes);
    for (std::int64_t line = 0; line < kBytes; line += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(at) + ahead.values + line, _MM_HINT_T0);
    }
    load_dense<Element>(at, raw);
    at += kBytes;
  }
  void last(std::int64_t cols, std::byte* block) const {
    std::memcpy(block, at, static_cast<std::size_t>(cols) * Element::kBytes);
  }
  HWY_INLINE const std::byte* begin() const { return at; }
  HWY_INLINE Ahead to(const DenseRow& other) const { return {other.at - at, 0}; }
};

// A row of a packed one; a vector's bytes beyond its values are readable.
template <typename Element>
struct PackedRow {
  static constexpr bool kExpands = true;
  const std::uint8_t* bitmap;
  const std::byte* values;
  decltype(opaque_zero()) zero;

  HWY_INLINE void next(Raw<Element>& raw, Ahead ahead = {kValuesAhead, kBitmapAhead}) {
    const std::int64_t taken = load_packed(zero, bitmap, values, raw);
    _mm_prefetch(reinterpret_cast<const char*>(values) + ahead.values, _MM_HINT_T0);
    if (ahead.twice) _mm_prefetch(reinterpret_cast<const char*>(values) + ahead.values + 64, _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(bitmap) + ahead.bitmap, _MM_HINT_T0);
    bitmap += kBlock / 8;
    values += taken * static_cast<std::int64_t>(Element::kBytes);
  }
  void last(std::int64_t cols, std::byte* block) const {
    scalar::expand_row(Element::kBytes, bitmap, cols, values, block);
  }
  HWY_INLINE const std::byte* begin() const { return values; }
  HWY_INLINE Ahead to(const PackedRow& other) const { return {other.values - values, other.bitmap - bitmap}; }
};

// Loaded once for all its uses: the compiler would rather load it for each, and loads are what the loop is bound by.
template <typename Register>
HWY_INLINE void in_register(Register& value) {
  asm("" : "+v"(value));
}

// Adds `blocks` blocks of kRows rows times kInputs inputs to their sums; next(r, raw) gives a row's next block.
template <typename Element, int kRows, int kInputs, typename Sums, typename Next>
HWY_INLINE void add_blocks(std::int64_t blocks, const float* x, Sums* sums, std::int64_t first, const Next& next) {
  Vector sum[kRows][kInputs][4];
  HWY_UNROLL(8)
  for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(8)
    for (int j = 0; j < kInputs; ++j) {
      HWY_UNROLL(8)
      for (int i = 0; i < 4; ++i) sum[r][j][i] = sums[r][first + j][i];
    }
  }
  for (std::int64_t b = 0; b < blocks; ++b) {
    Vector w[kRows][4];
    HWY_UNROLL(8)
    for (int r = 0; r < kRows; ++r) {
      Raw<Element> raw;
      next(r, raw);
      widen(Element(), raw, w[r]);
    }
    HWY_UNROLL(8)
    for (int j = 0; j < kInputs; ++j) {
      HWY_UNROLL(8)
      for (int i = 0; i < 4; ++i) {
        Vector input = load_vector(x + static_cast<std::size_t>(j * 4 + i) * kLanes);
        in_register(input);
        HWY_UNROLL(8)
        for (int r = 0; r < kRows; ++r) sum[r][j][i] = multiply_add(w[r][i], input, sum[r][j][i]);
      }
    }
    x += kInputs * kBlock;
  }
  HWY_UNROLL(8)
  for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(8)
    for (int j = 0; j < kInputs; ++j) {
      HWY_UNROLL(8)
      for (int i = 0; i < 4; ++i) sums[r][first + j][i] = sum[r][j][i];
    }
  }
}

// out[r] = Σ w[r, c] · x[c] for kRows rows at once. x: ordered and padded.
template <typename Element, int kRows, typename Row>
HWY_INLINE void dot_rows(Row (&rows)[kRows], const float* x, std::int64_t cols, float (&out)[kRows]) {
  using Sums = Vector[1][4];
  Sums sums[kRows];
  for (auto& row : sums) {
    for (auto& sum : row[0]) sum = zero_vector();
  }
  const std::int64_t blocks = cols / kBlock;
  {
    Row at[kRows];  // copies, which stay in registers
    for (int r = 0; r < kRows; ++r) at[r] = rows[r];
    add_blocks<Element, kRows, 1>(blocks, x, sums, 0, [&](int r, Raw<Element>& raw) HWY_ATTR { at[r].next(raw); });
    for (int r = 0; r < kRows; ++r) rows[r] = at[r];
  }
  if (cols % kBlock != 0) {
    alignas(64) std::byte last[kRows][kMaxBlockBytes] = {};
    for (int r = 0; r < kRows; ++r) rows[r].last(cols % kBlock, last[r]);
    add_blocks<Element, kRows, 1>(1, x + blocks * kBlock, sums, 0,
                                  [&](int r, Raw<Element>& raw) HWY_ATTR { load_dense<Element>(last[r], raw); });
  }
  for (int r = 0; r < kRows; ++r) out[r] = total(sums[r][0][0], sums[r][0][1], sums[r][0][2], sums[r][0][3]);
}

HWY_INLINE void finish_row(float product, float alpha, float beta, float& y) {
  const float scaled = alpha * product;
  y = beta == 0.0F ? scaled : __builtin_fmaf(beta, y, scaled);  // written out: the compiler fuses here, but not there
}

// y[r] for rows [first, end): make_row(r) gives row r as DenseRow or PackedRow.
template <typename Element, int kRows, typename MakeRow>
HWY_INLINE void multiply_rows(std::int64_t first, std::int64_t end, std::int64_t cols, const float* x, float* y,
                              float alpha, float beta, const MakeRow& make_row) {
  using Row = decltype(make_row(first));
  const std::int64_t stream = (end - first) / kRows;  // rows
  for (std::int64_t r = first; r < first + stream; ++r) {
    Row rows[kRows];
    for (int i = 0; i < kRows; ++i) rows[i] = make_row(r + i * stream);
    float products[kRows];
    dot_rows<Element, kRows>(rows, x, cols, products);
    for (int i = 0; i < kRows; ++i) finish_row(products[i], alpha, beta, y[r + i * stream]);
  }
  for (std::int64_t r = first + kRows * stream; r < end; ++r) {
    Row rows[1] = {make_row(r)};
    float products[1];
    dot_rows<Element, 1>(rows, x, cols, products);
    finish_row(products[0], alpha, beta, y[r]);
  }
}

#endif  // HWY_TARGET != HWY_SCALAR

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
