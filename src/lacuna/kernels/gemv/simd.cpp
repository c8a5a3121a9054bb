#include <algorithm>

#include "lacuna/core/dtype.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/gemv/gemv.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/gemv/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <typename D>
HWY_INLINE hn::Vec<D> load_wide(D d, const float* p) {
  return hn::LoadU(d, p);
}

template <typename D>
HWY_INLINE hn::Vec<D> load_wide(D d, const std::uint16_t* p) {  // bf16: the upper half of an f32
  const hn::Rebind<std::uint16_t, D> d16;
  const hn::RebindToUnsigned<D> d32;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::LoadU(d16, p))));
}

HWY_INLINE float widen(float value) { return value; }
HWY_INLINE float widen(std::uint16_t value) { return bf16_to_f32(value); }

template <typename T>
HWY_INLINE float dot(const T* w, const float* x, std::size_t n) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  auto sum0 = hn::Zero(d);
  auto sum1 = hn::Zero(d);
  auto sum2 = hn::Zero(d);
  auto sum3 = hn::Zero(d);
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    sum0 = hn::MulAdd(load_wide(d, w + i), hn::LoadU(d, x + i), sum0);
    sum1 = hn::MulAdd(load_wide(d, w + i + lanes), hn::LoadU(d, x + i + lanes), sum1);
    sum2 = hn::MulAdd(load_wide(d, w + i + 2 * lanes), hn::LoadU(d, x + i + 2 * lanes), sum2);
    sum3 = hn::MulAdd(load_wide(d, w + i + 3 * lanes), hn::LoadU(d, x + i + 3 * lanes), sum3);
  }
  for (; i + lanes <= n; i += lanes) sum0 = hn::MulAdd(load_wide(d, w + i), hn::LoadU(d, x + i), sum0);
  float tail = 0.0F;
  for (; i < n; ++i) tail += widen(w[i]) * x[i];
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3)))) + tail;
}

template <typename T>
HWY_INLINE void multiply_rows(const T* w, std::size_t row_stride, std::size_t rows, std::size_t cols, const float* x,
                              float* y, float alpha, float beta) {
  for (std::size_t r = 0; r < rows; ++r) {
    const float product = alpha * dot(w + r * row_stride, x, cols);
    y[r] = beta == 0.0F ? product : product + beta * y[r];
  }
}

void gemv_rows(const float* w, std::size_t row_stride, std::size_t rows, std::size_t cols, const float* x, float* y,
               float alpha, float beta) {
  multiply_rows(w, row_stride, rows, cols, x, y, alpha, beta);
}

void gemv_bf16_rows(const std::uint16_t* w, std::size_t row_stride, std::size_t rows, std::size_t cols, const float* x,
                    float* y, float alpha, float beta) {
  multiply_rows(w, row_stride, rows, cols, x, y, alpha, beta);
}

}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(gemv_rows);
HWY_EXPORT(gemv_bf16_rows);

constexpr std::int64_t kElementsPerThread = 1 << 17;  // below this a second thread costs more than it saves

std::int64_t row_grain(std::int64_t cols) { return kElementsPerThread / std::max<std::int64_t>(cols, 1) + 1; }

}  // namespace

void gemv(MatrixView<const float> w, const float* x, float* y, float alpha, float beta) {
  if (!use_simd()) return scalar::gemv(w, x, y, alpha, beta);
  parallel_for(w.rows, row_grain(w.cols), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(gemv_rows)
    (w.row(begin), static_cast<std::size_t>(w.row_stride), static_cast<std::size_t>(end - begin),
     static_cast<std::size_t>(w.cols), x, y + begin, alpha, beta);
  });
}

void gemv_bf16(MatrixView<const std::uint16_t> w, const float* x, float* y, float alpha, float beta) {
  if (!use_simd()) return scalar::gemv_bf16(w, x, y, alpha, beta);
  parallel_for(w.rows, row_grain(w.cols), [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(gemv_bf16_rows)
    (w.row(begin), static_cast<std::size_t>(w.row_stride), static_cast<std::size_t>(end - begin),
     static_cast<std::size_t>(w.cols), x, y + begin, alpha, beta);
  });
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
