// Of a slice's 16 rows an f32 each, their values of a step, and their inputs, looked up in a window of 128. With
// AVX-512 the window is in eight registers, and four permutations and three blends look 16 places up; with AVX2 it is
// in the cache, and 16 loads do, which take less time than two gathers.
//
// kMostStored: of the elements of a matrix; above, bitmaps are the faster form (README.md). 0: there is nothing here.
// kChunk: inputs whose sums are in registers; further ones meet a slice in the cache.
#include <cstddef>

#include <hwy/highway.h>
// After Highway, which quiets what GCC says about these headers.
#include <immintrin.h>

// Re-included for every target: no ordinary include guard.
#if defined(LACUNA_KERNELS_SLICE_LANES_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef LACUNA_KERNELS_SLICE_LANES_INL_
#undef LACUNA_KERNELS_SLICE_LANES_INL_
#else
#define LACUNA_KERNELS_SLICE_LANES_INL_
#endif

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET <= HWY_AVX3

constexpr double kMostStored = 0.17;
constexpr int kChunk = 2;

// An f32 of each lane.
struct Lanes {
  __m512 all;

  static HWY_INLINE Lanes zero() { return {_mm512_setzero_ps()}; }
  HWY_INLINE void store(float* to) const { _mm512_store_ps(to, all); }
};
HWY_INLINE Lanes add(const Lanes& a, const Lanes& b) { return {_mm512_add_ps(a.all, b.all)}; }
HWY_INLINE Lanes multiply_add(const Lanes& a, const Lanes& b, const Lanes& c) {
  return {_mm512_fmadd_ps(a.all, b.all, c.all)};
}

struct F32 {
  static constexpr std::size_t kBytes = 4;
  static HWY_INLINE Lanes load(const std::byte* p) { return {_mm512_loadu_ps(p)}; }
};
struct F16 {
  static constexpr std::size_t kBytes = 2;
  static HWY_INLINE Lanes load(const std::byte* p) {
    return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
  }
};
struct Bf16 {
  static constexpr std::size_t kBytes = 2;
  static HWY_INLINE Lanes load(const std::byte* p) {
    const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16))};
  }
};

// 128 inputs, looked up 16 at a time.
struct Window {
  __m512 part[8];

  HWY_INLINE explicit Window(const float* x) {
    for (int i = 0; i < 8; ++i) part[i] = _mm512_loadu_ps(x + 16 * i);
  }
  HWY_INLINE Lanes at(const std::byte* p) const {
    const __m512i places = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    const __mmask16 odd = _mm512_test_epi32_mask(places, _mm512_set1_epi32(32));
    const __mmask16 upper = _mm512_test_epi32_mask(places, _mm512_set1_epi32(64));
    const auto quarter = [&](int i) HWY_ATTR { return _mm512_permutex2var_ps(part[2 * i], places, part[2 * i + 1]); };
    const __m512 low = _mm512_mask_blend_ps(odd, quarter(0), quarter(1));
    const __m512 high = _mm512_mask_blend_ps(odd, quarter(2), quarter(3));
    return {_mm512_mask_blend_ps(upper, low, high)};
  }
};

#elif HWY_TARGET <= HWY_AVX2 && HWY_TARGET != HWY_SCALAR

constexpr double kMostStored = 0.2;
constexpr int kChunk = 1;

struct Lanes {
  __m256 low;
  __m256 high;

  static HWY_INLINE Lanes zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  HWY_INLINE void store(float* to) const {
    _mm256_store_ps(to, low);
    _mm256_store_ps(to + 8, high);
  }
};
HWY_INLINE Lanes add(const Lanes& a, const Lanes& b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
HWY_INLINE Lanes multiply_add(const Lanes& a, const Lanes& b, const Lanes& c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}

struct F32 {
  static constexpr std::size_t kBytes = 4;
  static HWY_INLINE Lanes load(const std::byte* p) {
    const auto* from = reinterpret_cast<const float*>(p);
    return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
  }
};
struct F16 {
  static constexpr std::size_t kBytes = 2;
  static HWY_INLINE __m256 load_half(const std::byte* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static HWY_INLINE Lanes load(const std::byte* p) { return {load_half(p), load_half(p + 16)}; }
};
struct Bf16 {
  static constexpr std::size_t kBytes = 2;
  static HWY_INLINE __m256 load_half(const std::byte* p) {
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
  }
  static HWY_INLINE Lanes load(const std::byte* p) { return {load_half(p), load_half(p + 16)}; }
};

struct Window {
  const float* x;

  HWY_INLINE explicit Window(const float* from) : x(from) {}
  HWY_INLINE __m256 eight_at(const std::byte* p) const {
    const auto one = [&](int i) HWY_ATTR { return x[static_cast<unsigned char>(p[i])]; };
    return _mm256_setr_ps(one(0), one(1), one(2), one(3), one(4), one(5), one(6), one(7));
  }
  HWY_INLINE Lanes at(const std::byte* p) const { return {eight_at(p), eight_at(p + 8)}; }
};

#else

constexpr double kMostStored = 0.0;

#endif

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // re-included for every target
