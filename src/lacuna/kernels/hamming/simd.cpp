#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/hamming/hamming.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/hamming/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR  // the fallback entry of the dispatch table; use_simd() never lets it run

void counts(const std::uint64_t* a, std::int64_t a_panels, const std::uint64_t* b, std::int64_t b_panels,
            std::int64_t words, std::uint32_t* both, std::int64_t stride) {
  scalar::and_counts(a, a_panels, b, b_panels, words, both, stride);
}

std::int64_t below(const std::uint32_t* both, const std::uint32_t* b_ones, std::int64_t n, std::uint32_t ones,
                   std::uint32_t limit, std::uint32_t first, std::uint32_t* distances, std::uint32_t* indices) {
  return scalar::select_below(both, b_ones, n, ones, limit, first, distances, indices);
}

#else

namespace hn = hwy::HWY_NAMESPACE;
using U64 = hn::CappedTag<std::uint64_t, 8>;
using Half = hn::Rebind<std::uint32_t, U64>;
using Words = hn::Vec<U64>;
constexpr std::int64_t kLanes = HWY_MAX_BYTES / sizeof(std::uint64_t);
constexpr std::int64_t kPanelVectors = kPanelRows / kLanes;

#if HWY_TARGET <= HWY_AVX3_DL  // VPOPCNTQ: counts of whole words
constexpr int kRows = 8;  // 8 rows of A by 2 vectors of B: 16 sums, 2 vectors and a broadcast in 32 registers
constexpr int kVectors = 2;
constexpr std::int64_t kChunkWords = INT64_MAX;
HWY_INLINE Words count(Words x) { return hn::PopulationCount(x); }
HWY_INLINE Words widen_sums(Words sums) { return sums; }
#else                          // counts of bytes by a nibble table; a byte holds the sum of 31 of them
constexpr int kRows = 2;
constexpr int kVectors = 2;
constexpr std::int64_t kChunkWords = 31;
using U8 = hn::Repartition<std::uint8_t, U64>;
HWY_INLINE Words count(Words x) { return hn::BitCast(U64(), hn::PopulationCount(hn::BitCast(U8(), x))); }
HWY_INLINE Words widen_sums(Words sums) { return hn::SumsOf8(hn::BitCast(U8(), sums)); }
#endif

// Sums of bytes never carry into the next one, so that one addition of words serves both kinds of counts.
// kRows rows of A from row, kN vectors of B.
template <int kN>
HWY_INLINE void tile(const std::uint64_t* a, const std::uint64_t* b, std::int64_t b_step, std::int64_t words,
                     std::uint32_t* both, std::int64_t stride) {
  const U64 d;
  Words total[kRows][kN];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kN; ++v) total[r][v] = hn::Zero(d);
  }
  for (std::int64_t begin = 0; begin < words;) {
    const std::int64_t end = words - begin <= kChunkWords ? words : begin + kChunkWords;
    Words sum[kRows][kN];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < kN; ++v) sum[r][v] = hn::Zero(d);
    }
    for (std::int64_t w = begin; w < end; ++w) {
      Words y[kN];
#pragma GCC unroll 8
      for (int v = 0; v < kN; ++v) y[v] = hn::Load(d, b + v * b_step + w * kPanelRows);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const auto x = hn::Set(d, a[w * kPanelRows + r]);
#pragma GCC unroll 8
        for (int v = 0; v < kN; ++v) sum[r][v] = hn::Add(sum[r][v], count(hn::And(x, y[v])));
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < kN; ++v) total[r][v] = hn::Add(total[r][v], widen_sums(sum[r][v]));
    }
    begin = end;
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kN; ++v) {
      hn::StoreU(hn::TruncateTo(Half(), total[r][v]), Half(), both + r * stride + v * kLanes);
    }
  }
}

void counts(const std::uint64_t* a, std::int64_t a_panels, const std::uint64_t* b, std::int64_t b_panels,
            std::int64_t words, std::uint32_t* both, std::int64_t stride) {
  // The vectors of one tile: neighbouring panels on AVX-512, halves of one panel on AVX2.
  const std::int64_t b_step = kPanelVectors == 1 ? kPanelRows * words : kLanes;
  const std::int64_t vectors = b_panels * kPanelVectors;
  for (std::int64_t p = 0; p < a_panels; ++p) {
    const std::uint64_t* a_panel = a + p * kPanelRows * words;
    for (std::int64_t v = 0; v < vectors; v += kVectors) {
      const std::uint64_t* b_tile = b + (v / kPanelVectors) * kPanelRows * words;
      for (std::int64_t r = 0; r < kPanelRows; r += kRows) {
        std::uint32_t* out = both + (p * kPanelRows + r) * stride + v * kLanes;
        if (v + kVectors <= vectors) {
          tile<kVectors>(a_panel + r, b_tile, b_step, words, out, stride);
        } else {
          tile<1>(a_panel + r, b_tile, b_step, words, out, stride);
        }
      }
    }
  }
}

std::int64_t below(const std::uint32_t* both, const std::uint32_t* b_ones, std::int64_t n, std::uint32_t ones,
                   std::uint32_t limit, std::uint32_t first, std::uint32_t* distances, std::uint32_t* indices) {
  const hn::ScalableTag<std::uint32_t> d;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  const auto own = hn::Set(d, ones);
  const auto bound = hn::Set(d, limit);
  std::int64_t hits = 0;
  std::int64_t j = 0;
  for (; j + step <= n; j += step) {
    const auto common = hn::LoadU(d, both + j);
    const auto distance = hn::Sub(hn::Add(own, hn::LoadU(d, b_ones + j)), hn::Add(common, common));
    const auto hit = hn::Lt(distance, bound);
    if (hn::AllFalse(d, hit)) continue;
    hn::CompressStore(hn::Iota(d, first + static_cast<std::uint32_t>(j)), hit, d, indices + hits);
    hits += static_cast<std::int64_t>(hn::CompressStore(distance, hit, d, distances + hits));
  }
  return hits + scalar::select_below(both + j, b_ones + j, n - j, ones, limit, first + static_cast<std::uint32_t>(j),
                                     distances + hits, indices + hits);
}

#endif

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(counts);
HWY_EXPORT(below);

}  // namespace

void and_counts(const std::uint64_t* a, std::int64_t a_panels, const std::uint64_t* b, std::int64_t b_panels,
                std::int64_t words, std::uint32_t* both, std::int64_t stride) {
  if (!use_simd()) return scalar::and_counts(a, a_panels, b, b_panels, words, both, stride);
  HWY_DYNAMIC_DISPATCH(counts)(a, a_panels, b, b_panels, words, both, stride);
}

std::int64_t select_below(const std::uint32_t* both, const std::uint32_t* b_ones, std::int64_t n, std::uint32_t ones,
                          std::uint32_t limit, std::uint32_t first, std::uint32_t* distances, std::uint32_t* indices) {
  if (!use_simd()) return scalar::select_below(both, b_ones, n, ones, limit, first, distances, indices);
  return HWY_DYNAMIC_DISPATCH(below)(both, b_ones, n, ones, limit, first, distances, indices);
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
