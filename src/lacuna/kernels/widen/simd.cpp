#include <cstring>

#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/widen/widen.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/widen/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR  // the fallback entry of the dispatch table; use_simd() never lets it run

void widen_f16(const std::byte* in, std::int64_t n, float* out) { scalar::widen(DType::f16, in, 1, n, out); }
void widen_bf16(const std::byte* in, std::int64_t n, float* out) { scalar::widen(DType::bf16, in, 1, n, out); }

#else

namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;

// Lanes(F32) f16 or bf16 values; bytes, because a file may put them anywhere.
template <typename Half>
HWY_INLINE hn::Vec<F32> load_wide(const std::byte* in) {
  const hn::Rebind<Half, F32> d_half;
  const hn::Repartition<std::uint8_t, decltype(d_half)> d_bytes;
  return hn::PromoteTo(F32(), hn::BitCast(d_half, hn::LoadU(d_bytes, reinterpret_cast<const std::uint8_t*>(in))));
}

template <typename Half>
HWY_INLINE void widen_halves(DType dtype, const std::byte* in, std::int64_t n, float* out) {
  const auto step = static_cast<std::int64_t>(hn::Lanes(F32()));
  std::int64_t i = 0;
  for (; i + step <= n; i += step) hn::StoreU(load_wide<Half>(in + 2 * i), F32(), out + i);
  scalar::widen(dtype, in + 2 * i, 1, n - i, out + i);
}

void widen_f16(const std::byte* in, std::int64_t n, float* out) {
  widen_halves<hwy::float16_t>(DType::f16, in, n, out);
}

void widen_bf16(const std::byte* in, std::int64_t n, float* out) {
  widen_halves<hwy::bfloat16_t>(DType::bf16, in, n, out);
}

#endif

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(widen_f16);
HWY_EXPORT(widen_bf16);

}  // namespace

void widen(DType dtype, const std::byte* in, std::int64_t stride, std::int64_t n, float* out) {
  if (dtype == DType::f32 && stride == 1) {
    if (n > 0) std::memcpy(out, in, static_cast<std::size_t>(n) * sizeof(float));
    return;
  }
  if (stride == 1 && dtype == DType::f16 && use_simd()) return HWY_DYNAMIC_DISPATCH(widen_f16)(in, n, out);
  if (stride == 1 && dtype == DType::bf16 && use_simd()) return HWY_DYNAMIC_DISPATCH(widen_bf16)(in, n, out);
  scalar::widen(dtype, in, stride, n, out);
}

void widen(DType dtype, const std::byte* in, std::int64_t stride, std::int64_t n, double* out) {
  scalar::widen(dtype, in, stride, n, out);
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
