#include "lacuna/kernels/packed_gemv/slice_blocks.hpp"

#include <cstring>

#include "lacuna/kernels/dispatch/dispatch.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/packed_gemv/slice_blocks.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>
// After Highway, which quiets what GCC says about these headers.
#include <immintrin.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET > HWY_AVX3_DL || HWY_TARGET == HWY_SCALAR  // without VBMI2: sliced_rows.cpp makes them lane by lane

bool has_fill() { return false; }
std::int64_t fill(SliceLanes&, std::int64_t, std::byte*, std::uint16_t*) { return 0; }

#else

bool has_fill() { return true; }

// Eight lanes' next four elements of 16 bits, a lane in 64 bits.
HWY_INLINE __m512i next_four(__m512i addresses) {
  return _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), 0xff, addresses, nullptr, 1);
}

// The first column of the lane furthest behind.
HWY_INLINE __m128i first_column(__m512i low, __m512i high) {
  return _mm_minpos_epu16(_mm512_cvtepi64_epi16(_mm512_min_epu16(low, high)));
}

// Twice how many elements each lane takes: bytes of its columns and of its values.
HWY_INLINE __m512i bytes_taken(__mmask32 taken) {
  const __m512i ones = _mm512_maskz_mov_epi16(taken, _mm512_set1_epi16(1));
  return _mm512_slli_epi64(_mm512_sad_epu8(ones, _mm512_setzero_si512()), 1);
}

// Elements of steps 2·half and 2·half + 1, lane by lane, from two vectors that hold four steps of eight lanes each.
HWY_INLINE __m512i step_order(int half) {
  alignas(64) std::uint16_t from[32];
  for (int i = 0; i < 32; ++i) {
    const int lane = i % 16;
    from[i] = static_cast<std::uint16_t>(lane / 8 * 32 + lane % 8 * 4 + 2 * half + i / 16);
  }
  return _mm512_load_si512(from);
}

std::int64_t fill(SliceLanes& lanes, std::int64_t room, std::byte* blocks, std::uint16_t* windows) {
  const __m512i first_steps = step_order(0);
  const __m512i last_steps = step_order(1);
  __m512i columns[2] = {_mm512_loadu_si512(lanes.columns.data()), _mm512_loadu_si512(lanes.columns.data() + 8)};
  __m512i values[2] = {_mm512_loadu_si512(lanes.values.data()), _mm512_loadu_si512(lanes.values.data() + 8)};
  std::int64_t n = 0;
  for (; n < room; ++n) {
    __m512i place[2] = {next_four(columns[0]), next_four(columns[1])};
    const __m128i first = first_column(place[0], place[1]);
    const auto column = static_cast<std::uint16_t>(_mm_extract_epi16(first, 0));
    if (column == SliceLanes::kPassed) break;
    constexpr auto kUnit = static_cast<std::uint16_t>(SlicedRows::kWindowUnit);
    const __m512i window = _mm512_broadcastw_epi16(_mm_and_si128(first, _mm_set1_epi16(static_cast<short>(-kUnit))));
    windows[n] = static_cast<std::uint16_t>(column / kUnit);
    __m512i value[2];
    for (int i = 0; i < 2; ++i) {
      place[i] = _mm512_sub_epi16(place[i], window);
      const __mmask32 taken = _mm512_cmplt_epu16_mask(place[i], _mm512_set1_epi16(SlicedRows::kWindow));
      place[i] = _mm512_maskz_mov_epi16(taken, place[i]);
      value[i] = _mm512_maskz_mov_epi16(taken, next_four(values[i]));
      const __m512i bytes = bytes_taken(taken);
      columns[i] = _mm512_add_epi64(columns[i], bytes);
      values[i] = _mm512_add_epi64(values[i], bytes);
    }
    std::byte* block = blocks + 192 * n;
    _mm512_storeu_si512(block, _mm512_permutex2var_epi16(value[0], first_steps, value[1]));
    _mm512_storeu_si512(block + 64, _mm512_permutex2var_epi16(value[0], last_steps, value[1]));
    const auto put_places = [&](std::byte* to, __m512i order) {
      const __m512i wide = _mm512_permutex2var_epi16(place[0], order, place[1]);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi16_epi8(wide));
    };
    put_places(block + 128, first_steps);
    put_places(block + 160, last_steps);
  }
  for (std::size_t i = 0; i < 2; ++i) {
    _mm512_storeu_si512(lanes.columns.data() + 8 * i, columns[i]);
    _mm512_storeu_si512(lanes.values.data() + 8 * i, values[i]);
  }
  return n;
}

#endif

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(has_fill);
HWY_EXPORT(fill);

}  // namespace

bool has_fill_blocks() { return use_simd() && HWY_DYNAMIC_DISPATCH(has_fill)(); }

std::int64_t fill_blocks(SliceLanes& lanes, std::int64_t room, std::byte* blocks, std::uint16_t* windows) {
  return HWY_DYNAMIC_DISPATCH(fill)(lanes, room, blocks, windows);
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
