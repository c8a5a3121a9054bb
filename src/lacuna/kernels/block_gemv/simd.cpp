#include <hwy/cache_control.h>

#include <algorithm>

#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/block_gemv/block_gemv.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/block_gemv/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR  // the fallback entry of the dispatch table; use_simd() never lets it run

void block_rows(const BlockRows&, std::int64_t, std::int64_t, const float*, float*, float, float) {}

#else

namespace hn = hwy::HWY_NAMESPACE;

// A block is one vector of eight floats at every level.
using Block = hn::FixedTag<float, 8>;
using Halves = hn::Rebind<std::uint16_t, Block>;
using Words = hn::Rebind<std::uint32_t, Block>;
using Vector = hn::Vec<Block>;

constexpr std::int64_t kAhead = 1024;  // bytes of values asked for ahead of the block in hand, as in packed_gemv

struct F32 {
  static constexpr std::int64_t kBytes = 32;
  static HWY_INLINE Vector load(const std::byte* at) { return hn::LoadU(Block(), reinterpret_cast<const float*>(at)); }
};
struct F16 {
  static constexpr std::int64_t kBytes = 16;
  static HWY_INLINE Vector load(const std::byte* at) {
    const hn::Rebind<hwy::float16_t, Block> half;
    return hn::PromoteTo(Block(), hn::LoadU(half, reinterpret_cast<const hwy::float16_t*>(at)));
  }
};
struct Bf16 {
  static constexpr std::int64_t kBytes = 16;
  static HWY_INLINE Vector load(const std::byte* at) {
    const auto halves = hn::LoadU(Halves(), reinterpret_cast<const std::uint16_t*>(at));
    return hn::BitCast(Block(), hn::ShiftLeft<16>(hn::PromoteTo(Words(), halves)));
  }
};

// Σ over one row; `values` goes on to the next. Two sums, because an addition takes longer than a block.
template <typename Element>
HWY_INLINE float block_dot(const std::uint64_t* bitmap, std::int64_t words, const std::byte*& values, const float* x) {
  Vector even = hn::Zero(Block());
  Vector odd = hn::Zero(Block());
  for (std::int64_t word = 0; word < words; ++word, x += 64 * kBlockFeatures) {
    std::uint64_t bits = bitmap[word];
    while ((bits & (bits - 1)) != 0) {  // two or more
      const int first = __builtin_ctzll(bits);
      bits &= bits - 1;
      const int second = __builtin_ctzll(bits);
      bits &= bits - 1;
      hwy::Prefetch(values + kAhead);
      even = hn::MulAdd(Element::load(values), hn::LoadU(Block(), x + first * kBlockFeatures), even);
      odd = hn::MulAdd(Element::load(values + Element::kBytes), hn::LoadU(Block(), x + second * kBlockFeatures), odd);
      values += 2 * Element::kBytes;
    }
    if (bits != 0) {
      even = hn::MulAdd(Element::load(values), hn::LoadU(Block(), x + __builtin_ctzll(bits) * kBlockFeatures), even);
      values += Element::kBytes;
    }
  }
  return hn::GetLane(hn::SumOfLanes(Block(), hn::Add(even, odd)));
}

template <typename Element>
void multiply(const BlockRows& w, std::int64_t first, std::int64_t end, const float* x, float* y, float alpha,
              float beta) {
  const std::byte* values = w.row_values(first);
  for (std::int64_t r = first; r < end; ++r) {
    const float product = alpha * block_dot<Element>(w.row_bitmap(r), w.bitmap_words(), values, x);
    y[r] = beta == 0.0F ? product : __builtin_fmaf(beta, y[r], product);
  }
}

void block_rows(const BlockRows& w, std::int64_t first, std::int64_t end, const float* x, float* y, float alpha,
                float beta) {
  if (w.dtype == DType::bf16) return multiply<Bf16>(w, first, end, x, y, alpha, beta);
  if (w.dtype == DType::f16) return multiply<F16>(w, first, end, x, y, alpha, beta);
  multiply<F32>(w, first, end, x, y, alpha, beta);
}

#endif

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(block_rows);

constexpr std::int64_t kBlocksPerThread = 1 << 14;  // below this a second thread costs more than it saves

}  // namespace

void block_gemv(const BlockRows& w, const float* x, float* y, float alpha, float beta) {
  if (!use_simd()) return scalar::block_gemv(w, x, y, alpha, beta);
  const std::int64_t grain = kBlocksPerThread / std::max<std::int64_t>(w.blocks, 1) + 1;
  parallel_for(w.rows, grain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(block_rows)(w, begin, end, x, y, alpha, beta);
  });
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
