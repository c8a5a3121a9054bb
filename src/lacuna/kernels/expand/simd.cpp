#include <algorithm>
#include <cstring>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/expand/expand.hpp"
#include "lacuna/kernels/widen/widen.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/expand/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

#include "lacuna/kernels/expand/expand-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

// Ones among the first n bits; those beyond them, in the last byte, are zero.
HWY_INLINE std::uint64_t count_ones(const std::uint8_t* bitmap, std::int64_t n) {
  std::uint64_t count = 0;
  std::int64_t byte = 0;
  for (; byte + 8 <= n / 8; byte += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bitmap + byte, 8);
    count += static_cast<std::uint64_t>(__builtin_popcountll(word));
  }
  for (; byte < (n + 7) / 8; ++byte) count += static_cast<std::uint64_t>(__builtin_popcount(bitmap[byte]));
  return count;
}

// Whole blocks of columns while a full vector may be read and written; the scalar code does the rest.
void expand(std::size_t element_bytes, const std::uint8_t* bitmap, std::int64_t cols, const std::byte* values,
            [[maybe_unused]] std::uint64_t available, std::byte* out) {
  std::int64_t c = 0;
#if HWY_TARGET != HWY_SCALAR
  const auto blocks = [&](auto step, auto store) {
    constexpr std::int64_t kStep = decltype(step)::value;
    for (; c + kStep <= cols && available >= static_cast<std::uint64_t>(kStep); c += kStep) {
      std::uint32_t mask = 0;
      std::memcpy(&mask, bitmap + c / 8, kStep / 8);
      store(mask, out + static_cast<std::size_t>(c) * element_bytes);
      const auto n = static_cast<std::uint64_t>(__builtin_popcount(mask));
      values += n * element_bytes;
      available -= n;
    }
  };
#if LACUNA_WIDE_EXPAND
  const __m512i zero = opaque_zero();
  if (element_bytes == 2) {
    blocks(std::integral_constant<std::int64_t, 32>(),
           [&](std::uint32_t mask, std::byte* to) { _mm512_storeu_si512(to, expand32x16(zero, mask, values)); });
  } else {
    blocks(std::integral_constant<std::int64_t, 16>(),
           [&](std::uint32_t mask, std::byte* to) { _mm512_storeu_si512(to, expand16x32(zero, mask, values)); });
  }
#else
  if (element_bytes == 2) {
    blocks(std::integral_constant<std::int64_t, 8>(), [&](std::uint32_t mask, std::byte* to) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), expand8x16(mask, values));
    });
  } else {
    blocks(std::integral_constant<std::int64_t, 8>(), [&](std::uint32_t mask, std::byte* to) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), expand8x32(mask, values));
    });
  }
#endif
#endif
  scalar::expand_row(element_bytes, bitmap + c / 8, cols - c, values,
                     out + static_cast<std::size_t>(c) * element_bytes);
}

void strip(const PackedRows& packed, std::int64_t first_row, std::int64_t n_rows, std::int64_t first_col,
           std::int64_t n_cols, std::uint64_t* next, std::byte* out, std::int64_t out_stride) {
  const std::size_t width = dtype_bytes(packed.dtype);
  const std::uint64_t end = packed.row_starts[packed.rows];
  for (std::int64_t i = 0; i < n_rows; ++i) {
    const std::uint8_t* bitmap = packed.row_bitmap(first_row + i) + first_col / 8;
    expand(width, bitmap, n_cols, packed.values + next[i] * width, end - next[i],
           out + static_cast<std::size_t>(i * out_stride) * width);
    next[i] += count_ones(bitmap, n_cols);
  }
}

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(expand);
HWY_EXPORT(strip);

constexpr std::int64_t kElementsPerThread = 1 << 16;

template <typename Body>
void for_each_row(const PackedRows& packed, std::int64_t first_row, std::int64_t n_rows, Body body) {
  const std::int64_t grain = kElementsPerThread / std::max<std::int64_t>(packed.cols, 1) + 1;
  parallel_for(n_rows, grain, [&](std::int64_t begin, std::int64_t end) { body(first_row + begin, first_row + end); });
}

void expand_one(const PackedRows& packed, std::int64_t row, std::byte* out) {
  const std::size_t width = dtype_bytes(packed.dtype);
  const std::uint64_t start = packed.row_starts[row];
  expand_row(width, packed.row_bitmap(row), packed.cols, packed.values + start * width,
             packed.row_starts[packed.rows] - start, out);
}

}  // namespace

void expand_row(std::size_t element_bytes, const std::uint8_t* bitmap, std::int64_t cols, const std::byte* values,
                std::uint64_t available, std::byte* out) {
  if (!use_simd()) return scalar::expand_row(element_bytes, bitmap, cols, values, out);
  HWY_DYNAMIC_DISPATCH(expand)(element_bytes, bitmap, cols, values, available, out);
}

void expand_strip(const PackedRows& packed, std::int64_t first_row, std::int64_t n_rows, std::int64_t first_col,
                  std::int64_t n_cols, std::uint64_t* next, std::byte* out, std::int64_t out_stride) {
  if (!use_simd()) return scalar::expand_strip(packed, first_row, n_rows, first_col, n_cols, next, out, out_stride);
  HWY_DYNAMIC_DISPATCH(strip)(packed, first_row, n_rows, first_col, n_cols, next, out, out_stride);
}

void expand_rows(const PackedRows& packed, std::int64_t first_row, std::int64_t n_rows, std::byte* out) {
  const std::size_t row_width = static_cast<std::size_t>(packed.cols) * dtype_bytes(packed.dtype);
  for_each_row(packed, first_row, n_rows, [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      expand_one(packed, r, out + static_cast<std::size_t>(r - first_row) * row_width);
    }
  });
}

void expand_rows_f32(const PackedRows& packed, std::int64_t first_row, std::int64_t n_rows, float* out) {
  for_each_row(packed, first_row, n_rows, [&](std::int64_t begin, std::int64_t end) {
    AlignedBuffer<std::byte> row(static_cast<std::size_t>(packed.cols) * dtype_bytes(packed.dtype));
    for (auto r = begin; r < end; ++r) {
      expand_one(packed, r, row.data());
      widen(packed.dtype, row.data(), 1, packed.cols, out + (r - first_row) * packed.cols);
    }
  });
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
