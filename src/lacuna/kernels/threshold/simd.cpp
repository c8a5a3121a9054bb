// Spans of kernels/threshold with Highway. Magnitudes are compared as signed integers: bit 31 is clear.

#include <algorithm>

#include "lacuna/kernels/threshold/span.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/threshold/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::threshold::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using DI = hn::RebindToSigned<D>;
using Bits = hn::VFromD<DI>;

HWY_INLINE Bits load_bits(const float* values) { return hn::BitCast(DI(), hn::Abs(hn::LoadU(D(), values))); }

// The last n < lanes values; the rest of the vector reads as zero and must be masked out.
HWY_INLINE Bits load_last(const float* values, std::int64_t n) {
  return hn::BitCast(DI(), hn::Abs(hn::MaskedLoad(hn::FirstN(D(), static_cast<std::size_t>(n)), D(), values)));
}

HWY_INLINE Bits set_bits(std::uint32_t bits) { return hn::Set(DI(), static_cast<std::int32_t>(bits)); }

// How many of v's lanes are below the bound, added up lane by lane: 2^31 of them per lane is out of reach.
HWY_INLINE Bits add_below(Bits count, Bits v, Bits bound) {
  return hn::Sub(count, hn::VecFromMask(DI(), hn::Lt(v, bound)));
}

HWY_INLINE hn::Mask<DI> within(Bits v, Bits first, Bits last) {
  return hn::Not(hn::Or(hn::Lt(v, first), hn::Gt(v, last)));
}

Counts count(const float* values, std::int64_t n, std::uint32_t low, std::uint32_t high) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  const auto first = set_bits(low);
  const auto last = set_bits(high);
  Counts counts;
  // Lanes hold 32-bit counts; whole blocks below 2^31 elements keep them from wrapping.
  for (std::int64_t begin = 0; begin < n; begin += std::int64_t{1} << 30) {
    const std::int64_t end = std::min<std::int64_t>(n, begin + (std::int64_t{1} << 30));
    auto below = hn::Zero(DI());
    auto above = hn::Zero(DI());
    std::int64_t i = begin;
    for (; i + lanes <= end; i += lanes) {
      const auto v = load_bits(values + i);
      below = add_below(below, v, first);
      above = add_below(above, last, v);
    }
    std::int64_t n_below = hn::GetLane(hn::SumOfLanes(DI(), below));
    std::int64_t n_above = hn::GetLane(hn::SumOfLanes(DI(), above));
    if (i < end) {
      const auto v = load_last(values + i, end - i);
      const auto real = hn::FirstN(DI(), static_cast<std::size_t>(end - i));
      n_below += static_cast<std::int64_t>(hn::CountTrue(DI(), hn::And(real, hn::Lt(v, first))));
      n_above += static_cast<std::int64_t>(hn::CountTrue(DI(), hn::And(real, hn::Gt(v, last))));
    }
    counts.below += n_below;
    counts.inside += (end - begin) - n_below - n_above;
  }
  return counts;
}

std::int64_t collect(const float* values, std::int64_t n, std::uint32_t low, std::uint32_t high, float* out) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  const auto first = set_bits(low);
  const auto last = set_bits(high);
  std::int64_t written = 0;
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = load_bits(values + i);
    const auto inside = within(v, first, last);
    if (hn::AllFalse(DI(), inside)) continue;
    written += static_cast<std::int64_t>(
        hn::CompressBlendedStore(hn::BitCast(D(), v), hn::RebindMask(D(), inside), D(), out + written));
  }
  if (i < n) {
    const auto v = load_last(values + i, n - i);
    const auto inside = hn::And(hn::FirstN(DI(), static_cast<std::size_t>(n - i)), within(v, first, last));
    written += static_cast<std::int64_t>(
        hn::CompressBlendedStore(hn::BitCast(D(), v), hn::RebindMask(D(), inside), D(), out + written));
  }
  return written;
}

std::int64_t zero_up_to(float* values, std::int64_t n, std::uint32_t high) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  const auto last = set_bits(high);
  std::int64_t zeroed = 0;
  for (std::int64_t i = 0; i < n; i += lanes) {
    const auto left = n - i;
    const auto v = left >= lanes ? load_bits(values + i) : load_last(values + i, left);
    auto gone = hn::Not(hn::Gt(v, last));
    if (left < lanes) gone = hn::And(gone, hn::FirstN(DI(), static_cast<std::size_t>(left)));
    zeroed += static_cast<std::int64_t>(hn::CountTrue(DI(), gone));
    hn::BlendedStore(hn::Zero(D()), hn::RebindMask(D(), gone), D(), values + i);
  }
  return zeroed;
}

bool finite(const float* values, std::int64_t n) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  auto largest = hn::Zero(DI());
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) largest = hn::Max(largest, load_bits(values + i));
  if (i < n) largest = hn::Max(largest, load_last(values + i, n - i));
  return hn::GetLane(hn::MaxOfLanes(DI(), largest)) < 0x7f800000;
}

}  // namespace lacuna::kernels::threshold::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels::threshold {

HWY_EXPORT(count);
HWY_EXPORT(collect);
HWY_EXPORT(zero_up_to);
HWY_EXPORT(finite);

SpanOps simd_ops() {
  return {HWY_DYNAMIC_DISPATCH(count), HWY_DYNAMIC_DISPATCH(collect), HWY_DYNAMIC_DISPATCH(zero_up_to),
          HWY_DYNAMIC_DISPATCH(finite)};
}

}  // namespace lacuna::kernels::threshold
#endif  // HWY_ONCE
