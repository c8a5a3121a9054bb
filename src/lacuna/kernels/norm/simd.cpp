#include <algorithm>
#include <cmath>

#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/norm/norm.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/norm/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Σ term(x[i]) over n elements, in 4·lanes partial sums. term must map 0 to 0 only where i < n: the tail is masked.
template <typename Term>
float sum_terms(const float* x, std::size_t n, Term term) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  auto sum0 = hn::Zero(d);
  auto sum1 = hn::Zero(d);
  auto sum2 = hn::Zero(d);
  auto sum3 = hn::Zero(d);
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    sum0 = hn::Add(sum0, term(d, hn::LoadU(d, x + i)));
    sum1 = hn::Add(sum1, term(d, hn::LoadU(d, x + i + lanes)));
    sum2 = hn::Add(sum2, term(d, hn::LoadU(d, x + i + 2 * lanes)));
    sum3 = hn::Add(sum3, term(d, hn::LoadU(d, x + i + 3 * lanes)));
  }
  for (; i + lanes <= n; i += lanes) sum0 = hn::Add(sum0, term(d, hn::LoadU(d, x + i)));
  if (i < n) {
    const auto mask = hn::FirstN(d, n - i);
    sum1 = hn::Add(sum1, hn::IfThenElseZero(mask, term(d, hn::MaskedLoad(mask, d, x + i))));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
}

// y[i] = map(i, x[i]) for n elements; map gets the vector, the index of its first lane and the mask of valid lanes.
template <typename Map>
void map_row(const float* x, std::size_t n, float* y, Map map) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto all = hn::FirstN(d, lanes);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(map(d, i, all, hn::LoadU(d, x + i)), d, y + i);
  if (i < n) {
    const auto mask = hn::FirstN(d, n - i);
    hn::BlendedStore(map(d, i, mask, hn::MaskedLoad(mask, d, x + i)), mask, d, y + i);
  }
}

void rms_norm_row(const float* x, std::size_t n, const float* weight, float epsilon, float* y) {
  const float squares = sum_terms(x, n, [](auto, auto v) HWY_ATTR { return hn::Mul(v, v); });
  const float scale = 1.0F / std::sqrt(squares / static_cast<float>(n) + epsilon);
  map_row(x, n, y, [=](auto d, std::size_t i, auto mask, auto v) HWY_ATTR {
    return hn::Mul(hn::MaskedLoad(mask, d, weight + i), hn::Mul(v, hn::Set(d, scale)));
  });
}

void layer_norm_row(const float* x, std::size_t n, const float* weight, const float* bias, float epsilon, float* y) {
  const float mean = sum_terms(x, n, [](auto, auto v) HWY_ATTR { return v; }) / static_cast<float>(n);
  const float squares = sum_terms(x, n, [mean](auto d, auto v) HWY_ATTR {
    const auto centred = hn::Sub(v, hn::Set(d, mean));
    return hn::Mul(centred, centred);
  });
  const float scale = 1.0F / std::sqrt(squares / static_cast<float>(n) + epsilon);
  map_row(x, n, y, [=](auto d, std::size_t i, auto mask, auto v) HWY_ATTR {
    auto normal = hn::Mul(hn::Sub(v, hn::Set(d, mean)), hn::Set(d, scale));
    if (weight != nullptr) normal = hn::Mul(hn::MaskedLoad(mask, d, weight + i), normal);
    if (bias != nullptr) normal = hn::Add(normal, hn::MaskedLoad(mask, d, bias + i));
    return normal;
  });
}

}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(rms_norm_row);
HWY_EXPORT(layer_norm_row);

constexpr std::int64_t kElementsPerThread = 1 << 15;  // below this a second thread costs more than it saves

std::int64_t row_grain(std::int64_t cols) { return kElementsPerThread / std::max<std::int64_t>(cols, 1) + 1; }

}  // namespace

void rms_norm(MatrixView<const float> x, std::span<const float> weight, float epsilon, MatrixView<float> y) {
  if (!use_simd()) return scalar::rms_norm(x, weight, epsilon, y);
  parallel_for(x.rows, row_grain(x.cols), [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      HWY_DYNAMIC_DISPATCH(rms_norm_row)
      (x.row(r), static_cast<std::size_t>(x.cols), weight.data(), epsilon, y.row(r));
    }
  });
}

void layer_norm(MatrixView<const float> x, std::span<const float> weight, std::span<const float> bias, float epsilon,
                MatrixView<float> y) {
  if (!use_simd()) return scalar::layer_norm(x, weight, bias, epsilon, y);
  const float* w = weight.empty() ? nullptr : weight.data();
  const float* b = bias.empty() ? nullptr : bias.data();
  parallel_for(x.rows, row_grain(x.cols), [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      HWY_DYNAMIC_DISPATCH(layer_norm_row)(x.row(r), static_cast<std::size_t>(x.cols), w, b, epsilon, y.row(r));
    }
  });
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
