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
#include <type_traits>

#include "lacuna/core/dtype.hpp"
#include "lacuna/kernels/expand/expand-inl.h"

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

struct F32 {
  static constexpr std::size_t kBytes = 4;
};
struct F16 {
  static constexpr std::size_t kBytes = 2;
};
struct Bf16 {
  static constexpr std::size_t kBytes = 2;
};

#if LACUNA_WIDE_EXPAND

constexpr std::int64_t kBlock = 64;
constexpr std::size_t kLanes = 16;
using Vector = __m512;

HWY_INLINE Vector zero_vector() { return _mm512_setzero_ps(); }
HWY_INLINE Vector load_vector(const float* p) { return _mm512_loadu_ps(p); }
HWY_INLINE Vector multiply_add(Vector a, Vector b, Vector sum) { return _mm512_fmadd_ps(a, b, sum); }
HWY_INLINE float total(Vector a, Vector b, Vector c, Vector d) {
  return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d)));
}

// A block as it lies in memory: two registers of 32 halves, or four of 16 words.
struct Halves {
  __m512i part[2];
};
struct Words {
  __m512i part[4];
};
template <typename Element>
using Raw = std::conditional_t<Element::kBytes == 2, Halves, Words>;

HWY_INLINE void widen(F32, const Words& raw, Vector (&out)[4]) {
  for (int i = 0; i < 4; ++i) out[i] = _mm512_castsi512_ps(raw.part[i]);
}
HWY_INLINE void widen(F16, const Halves& raw, Vector (&out)[4]) {
  for (int i = 0; i < 2; ++i) {
    out[2 * i] = _mm512_cvtph_ps(_mm512_castsi512_si256(raw.part[i]));
    out[2 * i + 1] = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(raw.part[i], 1));
  }
}
HWY_INLINE void widen(Bf16, const Halves& raw, Vector (&out)[4]) {
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000U));
  for (int i = 0; i < 2; ++i) {
    out[2 * i] = _mm512_castsi512_ps(_mm512_slli_epi32(raw.part[i], 16));
    out[2 * i + 1] = _mm512_castsi512_ps(_mm512_and_si512(raw.part[i], upper));
  }
}

template <typename Element>
HWY_INLINE void load_dense(const std::byte* at, Raw<Element>& raw) {
  for (std::size_t i = 0; i < sizeof(raw) / 64; ++i) raw.part[i] = _mm512_loadu_si512(at + 64 * i);
}

// Returns how many values the block took.
HWY_INLINE std::int64_t load_packed(__m512i zero, const std::uint8_t* bitmap, const std::byte* values, Halves& raw) {
  const auto bits = load_as<std::uint64_t>(bitmap);
  const __mmask64 mask = _cvtu64_mask64(bits);
  const std::int64_t n_low = __builtin_popcount(static_cast<std::uint32_t>(bits));
  raw.part[0] = expand32x16(zero, static_cast<__mmask32>(mask), values);
  raw.part[1] = expand32x16(zero, static_cast<__mmask32>(_kshiftri_mask64(mask, 32)), values + 2 * n_low);
  return __builtin_popcountll(bits);
}
HWY_INLINE std::int64_t load_packed(__m512i zero, const std::uint8_t* bitmap, const std::byte* values, Words& raw) {
  const auto bits = load_as<std::uint64_t>(bitmap);
  for (int i = 0; i < 4; ++i) {
    const auto mask = static_cast<std::uint32_t>(bits >> (16 * i)) & 0xffffU;
    raw.part[i] = expand16x32(zero, mask, values);
    values += 4 * static_cast<std::int64_t>(__builtin_popcount(mask));
  }
  return __builtin_popcountll(bits);
}

#else  // 256 bits

constexpr std::int64_t kBlock = 32;
constexpr std::size_t kLanes = 8;
using Vector = __m256;

HWY_INLINE Vector zero_vector() { return _mm256_setzero_ps(); }
HWY_INLINE Vector load_vector(const float* p) { return _mm256_loadu_ps(p); }
HWY_INLINE Vector multiply_add(Vector a, Vector b, Vector sum) { return _mm256_fmadd_ps(a, b, sum); }
HWY_INLINE float total(Vector a, Vector b, Vector c, Vector d) {
  const __m256 sum = _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d));
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
  four = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}

struct Halves {
  __m128i part[4];
};
struct Words {
  __m256i part[4];
};
template <typename Element>
using Raw = std::conditional_t<Element::kBytes == 2, Halves, Words>;

HWY_INLINE void widen(F32, const Words& raw, Vector (&out)[4]) {
  for (int i = 0; i < 4; ++i) out[i] = _mm256_castsi256_ps(raw.part[i]);
}
HWY_INLINE void widen(F16, const Halves& raw, Vector (&out)[4]) {
  for (int i = 0; i < 4; ++i) out[i] = _mm256_cvtph_ps(raw.part[i]);
}
HWY_INLINE void widen(Bf16, const Halves& raw, Vector (&out)[4]) {
  for (int i = 0; i < 4; ++i) {
    out[i] = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(raw.part[i]), 16));
  }
}

template <typename Element>
HWY_INLINE void load_dense(const std::byte* at, Raw<Element>& raw) {
  std::memcpy(&raw, at, sizeof(raw));
}

// What the expansions of this width need once per row: nothing.
HWY_INLINE int opaque_zero() { return 0; }

HWY_INLINE std::int64_t load_packed(int, const std::uint8_t* bitmap, const std::byte* values, Halves& raw) {
  std::int64_t taken = 0;
  for (int i = 0; i < 4; ++i) {
    raw.part[i] = expand8x16(bitmap[i], values + 2 * taken);
    taken += __builtin_popcount(bitmap[i]);
  }
  return taken;
}
HWY_INLINE std::int64_t load_packed(int, const std::uint8_t* bitmap, const std::byte* values, Words& raw) {
  std::int64_t taken = 0;
  for (int i = 0; i < 4; ++i) {
    raw.part[i] = expand8x32(bitmap[i], values + 4 * taken);
    taken += __builtin_popcount(bitmap[i]);
  }
  return taken;
}

#endif

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

// A row of a dense matrix.
template <typename Element>
struct DenseRow {
  const std::byte* at;

  HWY_INLINE void next(Raw<Element>& raw) {
    constexpr auto kBytes = kBlock * static_cast<std::int64_t>(Element::kBytes);
    for (std::int64_t line = 0; line < kBytes; line += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(at) + kDenseAhead + line, _MM_HINT_T0);
    }
    load_dense<Element>(at, raw);
    at += kBytes;
  }
  void last(std::int64_t cols, std::byte* block) const {
    std::memcpy(block, at, static_cast<std::size_t>(cols) * Element::kBytes);
  }
};

// A row of a packed one; a vector's bytes beyond its values are readable.
template <typename Element>
struct PackedRow {
  const std::uint8_t* bitmap;
  const std::byte* values;
  decltype(opaque_zero()) zero;

  HWY_INLINE void next(Raw<Element>& raw) {
    const std::int64_t taken = load_packed(zero, bitmap, values, raw);
    _mm_prefetch(reinterpret_cast<const char*>(values) + kValuesAhead, _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(bitmap) + kBitmapAhead, _MM_HINT_T0);
    bitmap += kBlock / 8;
    values += taken * static_cast<std::int64_t>(Element::kBytes);
  }
  void last(std::int64_t cols, std::byte* block) const {
    scalar::expand_row(Element::kBytes, bitmap, cols, values, block);
  }
};

template <typename Element>
HWY_INLINE void add_block(const Raw<Element>& raw, const Vector (&x)[4], Vector (&sum)[4]) {
  Vector w[4];
  widen(Element(), raw, w);
  for (int i = 0; i < 4; ++i) sum[i] = multiply_add(w[i], x[i], sum[i]);
}

// out[r] = Σ w[r, c] · x[c] for kRows rows at once. x: ordered and padded.
template <typename Element, int kRows, typename Row>
HWY_INLINE void dot_rows(Row (&rows)[kRows], const float* x, std::int64_t cols, float (&out)[kRows]) {
  Vector sum[kRows][4];
  for (auto& row : sum) {
    for (auto& lane : row) lane = zero_vector();
  }
  Vector xs[4];
  std::int64_t c = 0;
  for (; c + kBlock <= cols; c += kBlock) {
    for (std::size_t i = 0; i < 4; ++i) xs[i] = load_vector(x + c + static_cast<std::int64_t>(i * kLanes));
    HWY_UNROLL(8)
    for (int r = 0; r < kRows; ++r) {
      Raw<Element> raw;
      rows[r].next(raw);
      add_block<Element>(raw, xs, sum[r]);
    }
  }
  if (c < cols) {
    for (std::size_t i = 0; i < 4; ++i) xs[i] = load_vector(x + c + static_cast<std::int64_t>(i * kLanes));
    for (int r = 0; r < kRows; ++r) {
      alignas(64) std::byte block[kMaxBlockBytes] = {};
      rows[r].last(cols - c, block);
      Raw<Element> raw;
      load_dense<Element>(block, raw);
      add_block<Element>(raw, xs, sum[r]);
    }
  }
  for (int r = 0; r < kRows; ++r) out[r] = total(sum[r][0], sum[r][1], sum[r][2], sum[r][3]);
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
