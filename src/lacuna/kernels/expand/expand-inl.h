// Values put to the places of a mask's set bits, zeros elsewhere: compiled once for each target that includes it.
//
//   expand32x16(mask, p)   32 elements of 16 bits   (AVX-512 with VBMI2)
//   expand16x32(mask, p)   16 elements of 32 bits   (AVX-512)
//   expand8x16(mask, p)    8 elements of 16 bits    (AVX2, by table)
//   expand8x32(mask, p)    8 elements of 32 bits    (AVX2, by table)
//
// Each reads a whole vector at p, whatever the mask. The zeroing form of vpexpand waits, on the Zen processors
// measured, for the old content of its destination: a chain of nine cycles through the loop. Merging into a register
// that was just copied from zero has no such chain (kernels/expand/README.md).
#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "lacuna/kernels/expand/tables.hpp"

// Re-included for every target: no ordinary include guard.
#if defined(LACUNA_KERNELS_EXPAND_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef LACUNA_KERNELS_EXPAND_INL_
#undef LACUNA_KERNELS_EXPAND_INL_
#else
#define LACUNA_KERNELS_EXPAND_INL_
#endif

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#undef LACUNA_WIDE_EXPAND
#define LACUNA_WIDE_EXPAND (HWY_TARGET == HWY_AVX3_DL)

#if HWY_TARGET != HWY_SCALAR

template <typename T>
HWY_INLINE T load_as(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

#if LACUNA_WIDE_EXPAND

// A zero that the compiler cannot prove to be one, so that it copies it before each merge.
HWY_INLINE __m512i opaque_zero() {
  __m512i zero = _mm512_setzero_si512();
  asm("" : "+v"(zero));
  return zero;
}

// Loaded apart from the expansion: the memory form of vpexpand is slower than a load and the register form.
HWY_INLINE __m512i load_apart(const void* p) {
  __m512i values = _mm512_loadu_si512(p);
  asm("" : "+v"(values));
  return values;
}

HWY_INLINE __m512i expand32x16(__m512i zero, __mmask32 mask, const void* p) {
  return _mm512_mask_expand_epi16(zero, mask, load_apart(p));
}

HWY_INLINE __m512i expand16x32(__m512i zero, std::uint32_t mask, const void* p) {
  return _mm512_mask_expand_epi32(zero, static_cast<__mmask16>(mask), load_apart(p));
}

#else

HWY_INLINE __m128i expand8x16(std::uint32_t mask, const void* p) {
  const __m128i places = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kExpandBytes16[mask].data()));
  return _mm_shuffle_epi8(_mm_loadu_si128(static_cast<const __m128i*>(p)), places);
}

HWY_INLINE __m256i expand8x32(std::uint32_t mask, const void* p) {
  const __m256i places =
      _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(kExpandIndex[mask].data())));
  const __m256i values = _mm256_permutevar8x32_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(p)), places);
  return _mm256_andnot_si256(_mm256_srai_epi32(places, 31), values);
}

#endif

#endif  // HWY_TARGET != HWY_SCALAR

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
