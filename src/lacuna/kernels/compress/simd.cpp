#include <cstring>

#include "lacuna/kernels/compress/compress.hpp"
#include "lacuna/kernels/compress/tables.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/compress/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>
// After Highway, which quiets what GCC says about these headers.
#include <immintrin.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR  // the fallback entry of the dispatch table; use_simd() never lets it run

void compress(const std::uint16_t* in, std::int64_t runs, std::byte* words, std::int64_t word_stride,
              std::byte** ends) {
  scalar::compress_each(in, runs, words, word_stride, ends);
}
std::int64_t list(const std::uint8_t* bitmap, std::int64_t n, std::uint16_t* columns) {
  return scalar::list_ones(bitmap, n, columns);
}

#else

// The last bytes of a bitmap, which may be fewer than eight.
HWY_INLINE std::uint64_t last_word(const std::uint8_t* bitmap, std::int64_t bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bitmap, static_cast<std::size_t>(bytes));
  return word;
}

HWY_INLINE std::uint64_t whole_word(const std::uint8_t* bitmap) {
  std::uint64_t word = 0;
  std::memcpy(&word, bitmap, 8);
  return word;
}

#if HWY_TARGET == HWY_AVX3_DL

// The register form of vpcompress and a whole store: the form that stores is many times slower on Zen processors.
void compress(const std::uint16_t* in, std::int64_t runs, std::byte* words, std::int64_t word_stride,
              std::byte** ends) {
  for (std::int64_t r = 0; r < runs; ++r) {
    const __m512i low = _mm512_loadu_si512(in + 64 * r);
    const __m512i high = _mm512_loadu_si512(in + 64 * r + 32);
    const std::uint32_t low_bits = _mm512_test_epi16_mask(low, low);
    const std::uint32_t high_bits = _mm512_test_epi16_mask(high, high);
    const std::uint64_t word = std::uint64_t{high_bits} << 32U | low_bits;
    std::memcpy(words + r * word_stride, &word, 8);
    std::byte* middle = ends[r] + 2 * __builtin_popcount(low_bits);
    _mm512_storeu_si512(ends[r], _mm512_maskz_compress_epi16(low_bits, low));
    _mm512_storeu_si512(middle, _mm512_maskz_compress_epi16(high_bits, high));
    ends[r] = middle + 2 * __builtin_popcount(high_bits);
  }
}

// The places 0 to 63 as bytes, compressed at once and widened. full: more than half of them are ones often.
HWY_INLINE std::int64_t list_word(std::uint64_t word, std::int64_t first, bool full, std::uint16_t* columns) {
  alignas(64) static constexpr std::uint8_t kPlaces[64] = {
      0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
      22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
      44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
  const __m512i places = _mm512_maskz_compress_epi8(word, _mm512_load_si512(kPlaces));
  const __m512i base = _mm512_set1_epi16(static_cast<short>(first));
  const auto put = [&](__m256i bytes, std::uint16_t* to) {
    _mm512_storeu_si512(to, _mm512_add_epi16(_mm512_cvtepu8_epi16(bytes), base));
  };
  const std::int64_t n = __builtin_popcountll(word);
  put(_mm512_castsi512_si256(places), columns);
  if (full || n > 32) put(_mm512_extracti64x4_epi64(places, 1), columns + 32);
  return n;
}

#else

void compress(const std::uint16_t* in, std::int64_t runs, std::byte* words, std::int64_t word_stride,
              std::byte** ends) {
  for (std::int64_t i = 0; i < 64 * runs; i += 8) {
    std::byte*& end = ends[i / 64];
    const __m128i elements = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i));
    const __m128i zeros = _mm_cmpeq_epi16(elements, _mm_setzero_si128());
    const auto bits = static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(zeros, zeros))) & 255U ^ 255U;
    words[i / 64 * word_stride + i % 64 / 8] = static_cast<std::byte>(bits);
    const __m128i from = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kCompressBytes16[bits].data()));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(end), _mm_shuffle_epi8(elements, from));
    end += 2 * __builtin_popcount(bits);
  }
}

HWY_INLINE std::int64_t list_word(std::uint64_t word, std::int64_t first, bool, std::uint16_t* columns) {
  std::int64_t n = 0;
  for (unsigned b = 0; b < 8; ++b) {
    const auto byte = static_cast<unsigned>(word >> (8 * b) & 255U);
    const __m128i places = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(kOnesOf[byte].data()));
    const __m128i base = _mm_set1_epi16(static_cast<short>(first + 8 * b));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(columns + n), _mm_add_epi16(_mm_cvtepu8_epi16(places), base));
    n += __builtin_popcount(byte);
  }
  return n;
}

#endif

std::int64_t list(const std::uint8_t* bitmap, std::int64_t n, std::uint16_t* columns) {
  // Where the first word has many ones, others will: then a branch for each would be foretold wrongly.
  const bool full = n >= 64 && __builtin_popcountll(whole_word(bitmap)) > 24;
  std::int64_t count = 0;
  std::int64_t i = 0;
  for (; i + 64 <= n; i += 64) count += list_word(whole_word(bitmap + i / 8), i, full, columns + count);
  if (i < n) count += list_word(last_word(bitmap + i / 8, (n - i + 7) / 8), i, true, columns + count);
  return count;
}

#endif

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(compress);
HWY_EXPORT(list);

}  // namespace

void compress_each(const std::uint16_t* in, std::int64_t runs, std::byte* words, std::int64_t word_stride,
                   std::byte** ends) {
  if (!use_simd()) return scalar::compress_each(in, runs, words, word_stride, ends);
  HWY_DYNAMIC_DISPATCH(compress)(in, runs, words, word_stride, ends);
}

std::int64_t list_ones(const std::uint8_t* bitmap, std::int64_t n, std::uint16_t* columns) {
  if (!use_simd()) return scalar::list_ones(bitmap, n, columns);
  return HWY_DYNAMIC_DISPATCH(list)(bitmap, n, columns);
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
