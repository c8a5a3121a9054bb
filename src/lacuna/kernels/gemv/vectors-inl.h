// The vectors that products of rows are made of (dot-inl.h), at each width: a block as it lies in memory, dense or
// packed, and widened to four vectors of f32. Compiled once for each target that includes it.
#include <immintrin.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "lacuna/kernels/expand/expand-inl.h"

// Re-included for every target: no ordinary include guard.
#if defined(LACUNA_KERNELS_VECTORS_INL_) == defined(HWY_TARGET_TOGGLE)
#ifdef LACUNA_KERNELS_VECTORS_INL_
#undef LACUNA_KERNELS_VECTORS_INL_
#else
#define LACUNA_KERNELS_VECTORS_INL_
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
  out[0] = _mm512_castsi512_ps(_mm512_slli_epi32(raw.part[0], 16));
  out[1] = _mm512_castsi512_ps(_mm512_and_si512(raw.part[0], upper));
  out[2] = _mm512_castsi512_ps(_mm512_slli_epi32(raw.part[1], 16));
  out[3] = _mm512_castsi512_ps(_mm512_and_si512(raw.part[1], upper));
}

template <typename Element>
HWY_INLINE void load_dense(const std::byte* at, Raw<Element>& raw) {
  raw.part[0] = _mm512_loadu_si512(at);
  raw.part[1] = _mm512_loadu_si512(at + 64);
  if constexpr (Element::kBytes == 4) {
    raw.part[2] = _mm512_loadu_si512(at + 128);
    raw.part[3] = _mm512_loadu_si512(at + 192);
  }
}

template <typename Element>
HWY_INLINE void store_dense(const Raw<Element>& raw, std::byte* to) {
  _mm512_store_si512(to, raw.part[0]);
  _mm512_store_si512(to + 64, raw.part[1]);
  if constexpr (Element::kBytes == 4) {
    _mm512_store_si512(to + 128, raw.part[2]);
    _mm512_store_si512(to + 192, raw.part[3]);
  }
}

// The lower half where it lies: as a conversion it would go through a general register, a move into a mask once more.
HWY_INLINE __mmask32 low_half(__mmask64 mask) {
  __mmask32 half;
  asm("" : "=Yk"(half) : "0"(mask));
  return half;
}

// Returns how many values the block took.
HWY_INLINE std::int64_t load_packed(__m512i zero, const std::uint8_t* bitmap, const std::byte* values, Halves& raw) {
  const auto bits = load_as<std::uint64_t>(bitmap);
  __mmask64 mask;
  asm("kmovq %1, %0" : "=Yk"(mask) : "m"(*reinterpret_cast<const std::uint8_t(*)[8]>(bitmap)));
  const __mmask32 high = low_half(_kshiftri_mask64(mask, 32));
  const std::int64_t n_low = __builtin_popcount(static_cast<std::uint32_t>(bits));
  raw.part[0] = expand32x16(zero, low_half(mask), values);
  raw.part[1] = expand32x16(zero, high, values + 2 * n_low);
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
  using Part = std::remove_reference_t<decltype(raw.part[0])>;
  raw.part[0] = load_as<Part>(at);
  raw.part[1] = load_as<Part>(at + sizeof(Part));
  raw.part[2] = load_as<Part>(at + 2 * sizeof(Part));
  raw.part[3] = load_as<Part>(at + 3 * sizeof(Part));
}

template <typename Element>
HWY_INLINE void store_dense(const Raw<Element>& raw, std::byte* to) {
  constexpr std::size_t kBytes = sizeof(raw.part[0]);
  std::memcpy(to, &raw.part[0], kBytes);
  std::memcpy(to + kBytes, &raw.part[1], kBytes);
  std::memcpy(to + 2 * kBytes, &raw.part[2], kBytes);
  std::memcpy(to + 3 * kBytes, &raw.part[3], kBytes);
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

#endif  // HWY_TARGET != HWY_SCALAR

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
