#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/activation/activation.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/activation/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// x · σ(u). The exponent is capped where e⁸⁸ is still finite: beyond it x·σ(u) is below 2⁻¹²⁶·|x| and rounds the same.
template <typename D, typename V>
HWY_INLINE V times_sigmoid(D d, V x, V u) {
  const auto exponential = hn::Exp(d, hn::Min(hn::Neg(u), hn::Set(d, 88.0F)));
  return hn::Div(x, hn::Add(hn::Set(d, 1.0F), exponential));
}

// erf by Abramowitz & Stegun 7.1.26.
template <typename D, typename V>
HWY_INLINE V erf_approximation(D d, V x) {
  const auto magnitude = hn::Abs(x);
  const auto one = hn::Set(d, 1.0F);
  const auto t = hn::Div(one, hn::MulAdd(hn::Set(d, 0.3275911F), magnitude, one));
  auto polynomial = hn::Set(d, 1.061405429F);
  polynomial = hn::MulAdd(polynomial, t, hn::Set(d, -1.453152027F));
  polynomial = hn::MulAdd(polynomial, t, hn::Set(d, 1.421413741F));
  polynomial = hn::MulAdd(polynomial, t, hn::Set(d, -0.284496736F));
  polynomial = hn::MulAdd(polynomial, t, hn::Set(d, 0.254829592F));
  const auto gaussian = hn::Exp(d, hn::Neg(hn::Mul(magnitude, magnitude)));
  return hn::CopySign(hn::NegMulAdd(hn::Mul(polynomial, t), gaussian, one), x);
}

template <typename D, typename V>
HWY_INLINE V activation(Activation function, D d, V x) {
  switch (function) {
    case Activation::silu: return times_sigmoid(d, x, x);
    case Activation::gelu: {
      const auto half = hn::Mul(hn::Set(d, 0.5F), x);
      return hn::MulAdd(half, erf_approximation(d, hn::Mul(x, hn::Set(d, 0.70710678118654752F))), half);
    }
    case Activation::gelu_tanh: {
      const auto cubic = hn::Mul(hn::Mul(x, x), hn::Mul(x, hn::Set(d, 0.044715F)));
      return times_sigmoid(d, x, hn::Mul(hn::Set(d, 2.0F * 0.79788456080286536F), hn::Add(x, cubic)));
    }
    case Activation::gelu_quick: return times_sigmoid(d, x, hn::Mul(hn::Set(d, 1.702F), x));
    case Activation::relu: return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);
  }
  return x;
}

template <Activation kFunction>
void activate_range(float* x, const float* up, std::size_t n) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    auto y = activation(kFunction, d, hn::LoadU(d, x + i));
    if (up != nullptr) y = hn::Mul(y, hn::LoadU(d, up + i));
    hn::StoreU(y, d, x + i);
  }
  if (i < n) {
    const auto mask = hn::FirstN(d, n - i);
    auto y = activation(kFunction, d, hn::MaskedLoad(mask, d, x + i));
    if (up != nullptr) y = hn::Mul(y, hn::MaskedLoad(mask, d, up + i));
    hn::BlendedStore(y, mask, d, x + i);
  }
}

// up may be null.
void activate_any(Activation function, float* x, const float* up, std::size_t n) {
  switch (function) {
    case Activation::silu: return activate_range<Activation::silu>(x, up, n);
    case Activation::gelu: return activate_range<Activation::gelu>(x, up, n);
    case Activation::gelu_tanh: return activate_range<Activation::gelu_tanh>(x, up, n);
    case Activation::gelu_quick: return activate_range<Activation::gelu_quick>(x, up, n);
    case Activation::relu: return activate_range<Activation::relu>(x, up, n);
  }
}

}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(activate_any);

constexpr std::int64_t kElementsPerThread = 1 << 14;  // below this a second thread costs more than it saves

}  // namespace

void activate(Activation function, std::span<float> x) {
  if (!use_simd()) return scalar::activate(function, x);
  parallel_for(static_cast<std::int64_t>(x.size()), kElementsPerThread, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(activate_any)(function, x.data() + begin, nullptr, static_cast<std::size_t>(end - begin));
  });
}

void activate_gated(Activation function, std::span<float> gate, std::span<const float> up) {
  LACUNA_ASSERT(gate.size() == up.size());
  if (!use_simd()) return scalar::activate_gated(function, gate, up);
  parallel_for(static_cast<std::int64_t>(gate.size()), kElementsPerThread, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(activate_any)
    (function, gate.data() + begin, up.data() + begin, static_cast<std::size_t>(end - begin));
  });
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
