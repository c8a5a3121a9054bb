#include <hwy/cache_control.h>

#include <algorithm>

#include "lacuna/core/buffer.hpp"
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

// The set bits of every byte, in order: places[byte][i] is the i-th.
struct BitPlaces {
  std::uint8_t places[256][8];
};
constexpr BitPlaces bit_places() {
  BitPlaces table = {};
  for (unsigned byte = 0; byte < 256; ++byte) {
    int n = 0;
    for (std::uint8_t bit = 0; bit < 8; ++bit) {
      if ((byte >> bit & 1U) != 0) table.places[byte][n++] = bit;
    }
  }
  return table;
}
constexpr BitPlaces kBitPlaces = bit_places();

// The numbers of a row's stored blocks, without a branch that depends on them; eight beyond the last are written to.
HWY_INLINE std::int64_t list_blocks(const std::uint64_t* bitmap, std::int64_t blocks, std::uint32_t* list) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(bitmap);
  const hn::Rebind<std::uint8_t, Block> small;
  std::int64_t n = 0;
  for (std::int64_t first = 0; first < blocks; first += 8) {
    const std::uint8_t byte = bytes[first / 8];
    const auto places = hn::PromoteTo(Words(), hn::LoadU(small, kBitPlaces.places[byte]));
    hn::StoreU(hn::Add(places, hn::Set(Words(), static_cast<std::uint32_t>(first))), Words(), list + n);
    n += __builtin_popcount(byte);
  }
  return n;
}

template <typename Element>
HWY_INLINE Vector add_block(const std::byte* values, const float* x, std::uint32_t block, Vector sum) {
  return hn::MulAdd(Element::load(values), hn::LoadU(Block(), x + std::int64_t{block} * kBlockFeatures), sum);
}

// Σ over one row; `values` goes on to the next. Four blocks a turn: a cache line of 16-bit values. The sums are
// variables of their own: an array would be kept in memory.
template <typename Element>
HWY_INLINE float block_dot(const std::uint32_t* list, std::int64_t n, const std::byte*& values, const float* x) {
  constexpr std::int64_t kBytes = Element::kBytes;
  Vector a = hn::Zero(Block());
  Vector b = a;
  Vector c = a;
  Vector d = a;
  std::int64_t i = 0;
  for (; i + 4 <= n; i += 4, values += 4 * kBytes) {
    hwy::Prefetch(values + kAhead);
    a = add_block<Element>(values, x, list[i], a);
    b = add_block<Element>(values + kBytes, x, list[i + 1], b);
    c = add_block<Element>(values + 2 * kBytes, x, list[i + 2], c);
    d = add_block<Element>(values + 3 * kBytes, x, list[i + 3], d);
  }
  for (; i < n; ++i, values += kBytes) a = add_block<Element>(values, x, list[i], a);
  return hn::GetLane(hn::SumOfLanes(Block(), hn::Add(hn::Add(a, b), hn::Add(c, d))));
}

template <typename Element>
void multiply(const BlockRows& w, std::int64_t first, std::int64_t end, const float* x, float* y, float alpha,
              float beta) {
  AlignedBuffer<std::uint32_t> list(static_cast<std::size_t>(w.blocks) + 8);
  const std::byte* values = w.row_values(first);
  for (std::int64_t r = first; r < end; ++r) {
    const std::int64_t n = list_blocks(w.row_bitmap(r), w.blocks, list.data());
    const float product = alpha * block_dot<Element>(list.data(), n, values, x);
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
