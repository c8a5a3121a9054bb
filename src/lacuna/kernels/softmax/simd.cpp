#include <algorithm>
#include <cmath>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/softmax/softmax.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/softmax/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// e^v. Highway's Exp makes 0 of NaN, which would hide a damaged model; here NaN stays NaN.
template <class D, class V>
V exponential(D d, V v) {
  return hn::IfThenElse(hn::IsNaN(v), v, hn::Exp(d, v));
}

float max_of(const float* x, std::size_t n) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  auto max = hn::Set(d, x[0]);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) max = hn::Max(max, hn::LoadU(d, x + i));
  float result = hn::GetLane(hn::MaxOfLanes(d, max));
  for (; i < n; ++i) result = std::max(result, x[i]);
  return result;
}

// x[i] ← e^(x[i] − shift); returns the sum.
float exponentials(float* x, std::size_t n, float shift) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto offset = hn::Set(d, shift);
  auto sum = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto e = exponential(d, hn::Sub(hn::LoadU(d, x + i), offset));
    hn::StoreU(e, d, x + i);
    sum = hn::Add(sum, e);
  }
  if (i < n) {
    const auto mask = hn::FirstN(d, n - i);
    const auto e = exponential(d, hn::Sub(hn::MaskedLoad(mask, d, x + i), offset));
    hn::BlendedStore(e, mask, d, x + i);
    sum = hn::Add(sum, hn::IfThenElseZero(mask, e));
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

void scale(float* x, std::size_t n, float factor) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(hn::LoadU(d, x + i), hn::Set(d, factor)), d, x + i);
  for (; i < n; ++i) x[i] *= factor;
}

void softmax_row(float* x, std::size_t n) {
  const float sum = exponentials(x, n, max_of(x, n));
  scale(x, n, 1.0F / sum);
}

float sum_of_exponentials(const float* x, std::size_t n, float shift) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto offset = hn::Set(d, shift);
  auto sum = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) sum = hn::Add(sum, exponential(d, hn::Sub(hn::LoadU(d, x + i), offset)));
  if (i < n) {
    const auto mask = hn::FirstN(d, n - i);
    const auto e = exponential(d, hn::Sub(hn::MaskedLoad(mask, d, x + i), offset));
    sum = hn::Add(sum, hn::IfThenElseZero(mask, e));
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

// Σ e^(a − shift)·(a − b); the caller has the plain sum from sum_of_exponentials.
float cross_sum(const float* a, const float* b, std::size_t n, float shift) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto offset = hn::Set(d, shift);
  auto sum = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto va = hn::LoadU(d, a + i);
    sum = hn::MulAdd(exponential(d, hn::Sub(va, offset)), hn::Sub(va, hn::LoadU(d, b + i)), sum);
  }
  if (i < n) {
    const auto mask = hn::FirstN(d, n - i);
    const auto va = hn::MaskedLoad(mask, d, a + i);
    const auto term = hn::Mul(exponential(d, hn::Sub(va, offset)), hn::Sub(va, hn::MaskedLoad(mask, d, b + i)));
    sum = hn::Add(sum, hn::IfThenElseZero(mask, term));
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(softmax_row);
HWY_EXPORT(max_of);
HWY_EXPORT(sum_of_exponentials);
HWY_EXPORT(cross_sum);

constexpr std::size_t kRun = 512;  // logits summed in f32 before the sum moves to f64

float block_max(std::span<const float> x) {
  if (!use_simd()) return *std::max_element(x.begin(), x.end());
  return HWY_DYNAMIC_DISPATCH(max_of)(x.data(), x.size());
}

double block_sum(std::span<const float> x, float shift) {
  double sum = 0.0;
  if (!use_simd()) {
    for (const float value : x) sum += static_cast<double>(std::exp(value - shift));
    return sum;
  }
  for (std::size_t i = 0; i < x.size(); i += kRun) {
    sum += static_cast<double>(
        HWY_DYNAMIC_DISPATCH(sum_of_exponentials)(x.data() + i, std::min(kRun, x.size() - i), shift));
  }
  return sum;
}

double block_cross(std::span<const float> a, std::span<const float> b, float shift) {
  double sum = 0.0;
  if (!use_simd()) {
    for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(std::exp(a[i] - shift) * (a[i] - b[i]));
    return sum;
  }
  for (std::size_t i = 0; i < a.size(); i += kRun) {
    sum += static_cast<double>(
        HWY_DYNAMIC_DISPATCH(cross_sum)(a.data() + i, b.data() + i, std::min(kRun, a.size() - i), shift));
  }
  return sum;
}

// Raises the running maximum to cover the block; returns the factor for sums kept relative to the old one.
double raise_maximum(TokenDistribution& state, std::span<const float> logits) {
  const float max = block_max(logits);
  if (!(max > state.max)) return 1.0;
  const double factor = std::exp(static_cast<double>(state.max) - static_cast<double>(max));  // 0 for the first block
  state.max = max;
  state.best = state.seen + (std::find(logits.begin(), logits.end(), max) - logits.begin());
  return factor;
}

}  // namespace

void softmax_window(std::span<float> scores, std::int64_t begin, std::int64_t end) {
  LACUNA_ASSERT(0 <= begin && begin < end && end <= static_cast<std::int64_t>(scores.size()));
  if (!use_simd()) return scalar::softmax_window(scores, begin, end);
  HWY_DYNAMIC_DISPATCH(softmax_row)(scores.data() + begin, static_cast<std::size_t>(end - begin));
  std::fill(scores.begin(), scores.begin() + begin, 0.0F);
  std::fill(scores.begin() + end, scores.end(), 0.0F);
}

void TokenDistribution::add(std::span<const float> logits) {
  if (logits.empty()) return;
  sum = sum * raise_maximum(*this, logits) + block_sum(logits, max);
  seen += static_cast<std::int64_t>(logits.size());
}

double TokenDistribution::log_sum_exp() const { return static_cast<double>(max) + std::log(sum); }

void DistributionPair::add(std::span<const float> logits_a, std::span<const float> logits_b) {
  LACUNA_ASSERT(logits_a.size() == logits_b.size());
  if (logits_a.empty()) return;
  const double factor = raise_maximum(a, logits_a);
  a.sum = a.sum * factor + block_sum(logits_a, a.max);
  a.seen += static_cast<std::int64_t>(logits_a.size());
  cross = cross * factor + block_cross(logits_a, logits_b, a.max);
  b.add(logits_b);
}

double DistributionPair::kl_divergence() const { return cross / a.sum - a.log_sum_exp() + b.log_sum_exp(); }

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
