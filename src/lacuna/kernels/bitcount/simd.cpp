#include "lacuna/kernels/bitcount/bitcount.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/bitcount/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR  // the fallback entry of the dispatch table; use_simd() never lets it run

std::uint64_t bits(const std::uint64_t* a, std::int64_t n) { return scalar::count_bits(a, n); }
PairCount pair(const std::uint64_t* a, const std::uint64_t* b, std::int64_t n) { return scalar::count_pair(a, b, n); }

#else

namespace hn = hwy::HWY_NAMESPACE;
using U64 = hn::ScalableTag<std::uint64_t>;

std::uint64_t bits(const std::uint64_t* a, std::int64_t n) {
  const U64 d;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  auto count = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + step <= n; i += step) count = hn::Add(count, hn::PopulationCount(hn::LoadU(d, a + i)));
  return hn::GetLane(hn::SumOfLanes(d, count)) + scalar::count_bits(a + i, n - i);
}

PairCount pair(const std::uint64_t* a, const std::uint64_t* b, std::int64_t n) {
  const U64 d;
  const auto step = static_cast<std::int64_t>(hn::Lanes(d));
  auto in_a = hn::Zero(d);
  auto in_b = hn::Zero(d);
  auto in_both = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + step <= n; i += step) {
    const auto x = hn::LoadU(d, a + i);
    const auto y = hn::LoadU(d, b + i);
    in_a = hn::Add(in_a, hn::PopulationCount(x));
    in_b = hn::Add(in_b, hn::PopulationCount(y));
    in_both = hn::Add(in_both, hn::PopulationCount(hn::And(x, y)));
  }
  PairCount count = scalar::count_pair(a + i, b + i, n - i);
  count.a += hn::GetLane(hn::SumOfLanes(d, in_a));
  count.b += hn::GetLane(hn::SumOfLanes(d, in_b));
  count.both += hn::GetLane(hn::SumOfLanes(d, in_both));
  return count;
}

#endif

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(bits);
HWY_EXPORT(pair);

}  // namespace

std::uint64_t count_bits(const std::uint64_t* a, std::int64_t n) {
  if (!use_simd()) return scalar::count_bits(a, n);
  return HWY_DYNAMIC_DISPATCH(bits)(a, n);
}

PairCount count_pair(const std::uint64_t* a, const std::uint64_t* b, std::int64_t n) {
  if (!use_simd()) return scalar::count_pair(a, b, n);
  return HWY_DYNAMIC_DISPATCH(pair)(a, b, n);
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
