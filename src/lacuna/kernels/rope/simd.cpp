#include <algorithm>

#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/rope/rope.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/rope/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

void rotate_head(float* low, float* high, const float* cosines, const float* sines, std::size_t half) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= half; i += lanes) {
    const auto c = hn::LoadU(d, cosines + i);
    const auto s = hn::LoadU(d, sines + i);
    const auto a = hn::LoadU(d, low + i);
    const auto b = hn::LoadU(d, high + i);
    hn::StoreU(hn::MulSub(a, c, hn::Mul(b, s)), d, low + i);
    hn::StoreU(hn::MulAdd(b, c, hn::Mul(a, s)), d, high + i);
  }
  for (; i < half; ++i) {
    const float a = low[i];
    const float b = high[i];
    low[i] = a * cosines[i] - b * sines[i];
    high[i] = b * cosines[i] + a * sines[i];
  }
}

void rotate_row(float* row, std::size_t n_heads, std::size_t head_dim, const float* cosines, const float* sines) {
  const std::size_t half = head_dim / 2;
  for (std::size_t head = 0; head < n_heads; ++head) {
    rotate_head(row + head * head_dim, row + head * head_dim + half, cosines, sines, half);
  }
}

}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(rotate_row);

constexpr std::int64_t kElementsPerThread = 1 << 15;  // below this a second thread costs more than it saves

}  // namespace

void apply_rope(MatrixView<float> x, std::int64_t head_dim, const RopeTable& table, std::int64_t first_position,
                std::int64_t length) {
  if (!use_simd()) return scalar::apply_rope(x, head_dim, table, first_position, length);
  const std::int64_t grain = kElementsPerThread / std::max<std::int64_t>(x.cols, 1) + 1;
  parallel_for(x.rows, grain, [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      const std::int64_t position = first_position + r % length;
      HWY_DYNAMIC_DISPATCH(rotate_row)
      (x.row(r), static_cast<std::size_t>(x.cols / head_dim), static_cast<std::size_t>(head_dim),
       table.cosines.row(position), table.sines.row(position));
    }
  });
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
