// Blocks of kBlock×kBlock elements go through a buffer that stays in L1: every line of the input is read once and
// whole, every line of the output written once and whole, whatever the strides. Within a block, squares of 8×8 (16
// bits) or 4×4 (32 bits) are exchanged in registers; SSE2, which every x86-64 processor has, does that at the speed of
// memory.
#include <emmintrin.h>

#include <algorithm>
#include <cstring>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/transpose/transpose.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kBlock = 64;

__m128i load(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
void store(void* to, __m128i value) { _mm_storeu_si128(static_cast<__m128i*>(to), value); }

// 8 rows of 8 elements: pairs of rows are interleaved by 16, 32 and 64 bits.
void exchange_square(const std::uint16_t* in, std::int64_t stride, std::uint16_t* out) {
  __m128i a[8];
  __m128i b[8];
  for (int i = 0; i < 8; ++i) a[i] = load(in + i * stride);
  for (int i = 0; i < 4; ++i) {
    b[i] = _mm_unpacklo_epi16(a[i], a[i + 4]);
    b[i + 4] = _mm_unpackhi_epi16(a[i], a[i + 4]);
  }
  for (int half = 0; half < 8; half += 4) {
    const __m128i low0 = _mm_unpacklo_epi16(b[half], b[half + 2]);
    const __m128i high0 = _mm_unpackhi_epi16(b[half], b[half + 2]);
    const __m128i low1 = _mm_unpacklo_epi16(b[half + 1], b[half + 3]);
    const __m128i high1 = _mm_unpackhi_epi16(b[half + 1], b[half + 3]);
    store(out + (half + 0) * kBlock, _mm_unpacklo_epi16(low0, low1));
    store(out + (half + 1) * kBlock, _mm_unpackhi_epi16(low0, low1));
    store(out + (half + 2) * kBlock, _mm_unpacklo_epi16(high0, high1));
    store(out + (half + 3) * kBlock, _mm_unpackhi_epi16(high0, high1));
  }
}

void exchange_square(const std::uint32_t* in, std::int64_t stride, std::uint32_t* out) {
  const __m128i a = _mm_unpacklo_epi32(load(in), load(in + 2 * stride));
  const __m128i b = _mm_unpackhi_epi32(load(in), load(in + 2 * stride));
  const __m128i c = _mm_unpacklo_epi32(load(in + stride), load(in + 3 * stride));
  const __m128i d = _mm_unpackhi_epi32(load(in + stride), load(in + 3 * stride));
  store(out, _mm_unpacklo_epi32(a, c));
  store(out + kBlock, _mm_unpackhi_epi32(a, c));
  store(out + 2 * kBlock, _mm_unpacklo_epi32(b, d));
  store(out + 3 * kBlock, _mm_unpackhi_epi32(b, d));
}

// Columns [first, end) of `in`, at most kBlock of them.
template <typename T>
void exchange_columns(MatrixView<const T> in, MatrixView<T> out, std::int64_t first, std::int64_t end) {
  constexpr auto kSquare = static_cast<std::int64_t>(16 / sizeof(T));
  alignas(64) T block[kBlock * kBlock];
  for (std::int64_t r = 0; r < in.rows; r += kBlock) {
    const std::int64_t rows = std::min(kBlock, in.rows - r);
    const std::int64_t cols = end - first;
    const std::int64_t square_rows = rows / kSquare * kSquare;
    const std::int64_t square_cols = cols / kSquare * kSquare;
    for (std::int64_t i = 0; i < square_rows; i += kSquare) {
      for (std::int64_t j = 0; j < square_cols; j += kSquare) {
        exchange_square(in.row(r + i) + first + j, in.row_stride, block + j * kBlock + i);
      }
      for (std::int64_t j = square_cols; j < cols; ++j) {
        for (std::int64_t k = i; k < i + kSquare; ++k) block[j * kBlock + k] = in(r + k, first + j);
      }
    }
    for (std::int64_t i = square_rows; i < rows; ++i) {
      for (std::int64_t j = 0; j < cols; ++j) block[j * kBlock + i] = in(r + i, first + j);
    }
    for (std::int64_t j = 0; j < cols; ++j) {
      std::memcpy(out.row(first + j) + r, block + j * kBlock, static_cast<std::size_t>(rows) * sizeof(T));
    }
  }
}

template <typename T>
void exchange(MatrixView<const T> in, MatrixView<T> out) {
  LACUNA_ASSERT(out.rows == in.cols && out.cols == in.rows);
  const std::int64_t blocks = (in.cols + kBlock - 1) / kBlock;
  parallel_for(blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto b = begin; b < end; ++b) {
      exchange_columns(in, out, b * kBlock, std::min((b + 1) * kBlock, in.cols));
    }
  });
}

}  // namespace

void transpose(MatrixView<const std::uint16_t> in, MatrixView<std::uint16_t> out) {
  if (!use_simd()) return scalar::transpose(in, out);
  exchange(in, out);
}

void transpose(MatrixView<const std::uint32_t> in, MatrixView<std::uint32_t> out) {
  if (!use_simd()) return scalar::transpose(in, out);
  exchange(in, out);
}

}  // namespace lacuna::kernels
