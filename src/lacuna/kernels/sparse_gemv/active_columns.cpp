#include "lacuna/kernels/sparse_gemv/active_columns.hpp"

#include <bit>
#include <cmath>

#include "lacuna/kernels/dispatch/dispatch.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/sparse_gemv/active_columns.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Of whole vectors of one row; `done` is where they end. Nothing is written beyond `done`.
std::int64_t list_vectors(const float* x, std::int64_t cols, float threshold, std::int32_t* columns, float* inputs,
                          std::int64_t& done) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto limit = hn::Set(d, threshold);
  std::int64_t n = 0;
  for (done = 0; done + lanes <= cols; done += lanes) {
    const auto values = hn::LoadU(d, x + done);
    const auto is_active = hn::Not(hn::Le(hn::Abs(values), limit));
    const auto index = hn::Iota(di, static_cast<std::int32_t>(done));
    hn::StoreU(hn::Compress(values, is_active), d, inputs + n);
    hn::StoreU(hn::Compress(index, hn::RebindMask(di, is_active)), di, columns + n);
    n += static_cast<std::int64_t>(hn::CountTrue(d, is_active));
  }
  return n;
}

// Columns active in any row, likewise.
std::int64_t list_columns(MatrixView<const float> x, float threshold, std::int32_t* columns, std::int64_t& done) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto limit = hn::Set(d, threshold);
  std::int64_t n = 0;
  for (done = 0; done + lanes <= x.cols; done += lanes) {
    auto is_active = hn::Not(hn::Le(hn::Abs(hn::LoadU(d, x.row(0) + done)), limit));
    for (std::int64_t b = 1; b < x.rows; ++b) {
      is_active = hn::Or(is_active, hn::Not(hn::Le(hn::Abs(hn::LoadU(d, x.row(b) + done)), limit)));
    }
    const auto index = hn::Iota(di, static_cast<std::int32_t>(done));
    hn::StoreU(hn::Compress(index, hn::RebindMask(di, is_active)), di, columns + n);
    n += static_cast<std::int64_t>(hn::CountTrue(d, is_active));
  }
  return n;
}

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(list_vectors);
HWY_EXPORT(list_columns);

bool is_active(float x, float threshold) { return !(std::fabs(x) <= threshold); }

std::int64_t list_one(const float* x, std::int64_t cols, float threshold, std::int32_t* columns, float* inputs) {
  std::int64_t j = 0;
  std::int64_t n = use_simd() ? HWY_DYNAMIC_DISPATCH(list_vectors)(x, cols, threshold, columns, inputs, j) : 0;
  for (; j < cols; ++j) {  // without a branch: half of them would be foretold wrongly
    columns[n] = static_cast<std::int32_t>(j);
    inputs[n] = x[j];
    n += static_cast<std::int64_t>(is_active(x[j], threshold));
  }
  return n;
}

// The value where it is active, else 0; without a branch, as above.
float active_or_zero(float x, float threshold) {
  const std::uint32_t keep = 0U - static_cast<std::uint32_t>(is_active(x, threshold));
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & keep);
}

// A column is listed where it is active in any row.
std::int64_t list_several(MatrixView<const float> x, float threshold, std::int32_t* columns, float* inputs) {
  std::int64_t j = 0;
  std::int64_t n = use_simd() ? HWY_DYNAMIC_DISPATCH(list_columns)(x, threshold, columns, j) : 0;
  for (; j < x.cols; ++j) {
    columns[n] = static_cast<std::int32_t>(j);
    bool any = false;
    for (std::int64_t b = 0; b < x.rows; ++b) any |= is_active(x(b, j), threshold);
    n += static_cast<std::int64_t>(any);
  }
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t b = 0; b < x.rows; ++b) inputs[i * x.rows + b] = active_or_zero(x(b, columns[i]), threshold);
  }
  return n;
}

}  // namespace

ActiveColumns active_columns(MatrixView<const float> x, float threshold) {
  ActiveColumns active;
  active.batch = x.rows;
  active.columns = AlignedBuffer<std::int32_t>(static_cast<std::size_t>(x.cols + ActiveColumns::kPadding));
  active.inputs = AlignedBuffer<float>(static_cast<std::size_t>((x.cols + 1) * x.rows));
  const std::int64_t n = x.rows == 1 ? list_one(x.data, x.cols, threshold, active.columns.data(), active.inputs.data())
                                     : list_several(x, threshold, active.columns.data(), active.inputs.data());
  active.count = n;
  const std::int32_t last = n == 0 ? 0 : active.columns[static_cast<std::size_t>(n - 1)];
  for (std::int64_t i = 0; i < ActiveColumns::kPadding; ++i) active.columns[static_cast<std::size_t>(n + i)] = last;
  return active;
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
