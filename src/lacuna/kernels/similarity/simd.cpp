#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/similarity/similarity.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/similarity/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR  // the fallback entry of the dispatch table; use_simd() never lets it run

void columns(const float* a, std::int64_t a_stride, const float* b, std::int64_t b_stride, std::int64_t rows,
             std::int64_t cols, const ColumnSums& sums) {
  scalar::similarity_columns(a, a_stride, b, b_stride, rows, cols, sums);
}

void row(const float* a, const float* b, std::int64_t n, RowSums& sums) { scalar::similarity_row(a, b, n, sums); }

#else

namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::ScalableTag<float>;
using U32 = hn::RebindToUnsigned<F32>;
using F64 = hn::ScalableTag<double>;
using HalfF32 = hn::Rebind<float, F64>;
using Doubles = hn::Vec<F64>;

HWY_INLINE hn::Mask<U32> nonzero(const float* p) {
  const U32 d;
  const auto bits = hn::BitCast(d, hn::LoadU(F32(), p));
  return hn::Ne(hn::Add(bits, bits), hn::Zero(d));  // the addition shifts the sign out
}

HWY_INLINE Doubles load_doubles(const float* p) { return hn::PromoteTo(F64(), hn::LoadU(HalfF32(), p)); }

// The f64 sums of Lanes(F64) columns or lanes.
struct Products {
  Doubles dot;
  Doubles aa;
  Doubles bb;

  HWY_INLINE Products(const double* dot_in, const double* aa_in, const double* bb_in)
      : dot(hn::LoadU(F64(), dot_in)), aa(hn::LoadU(F64(), aa_in)), bb(hn::LoadU(F64(), bb_in)) {}

  HWY_INLINE void add(const float* a, const float* b) {
    const auto x = load_doubles(a);
    const auto y = load_doubles(b);
    dot = hn::MulAdd(x, y, dot);
    aa = hn::MulAdd(x, x, aa);
    bb = hn::MulAdd(y, y, bb);
  }

  HWY_INLINE void store(double* dot_out, double* aa_out, double* bb_out) const {
    hn::StoreU(dot, F64(), dot_out);
    hn::StoreU(aa, F64(), aa_out);
    hn::StoreU(bb, F64(), bb_out);
  }
};

// Lanes(F32) neighbouring columns, all rows; the sums stay in registers.
HWY_INLINE void column_group(const float* a, std::int64_t a_stride, const float* b, std::int64_t b_stride,
                             std::int64_t rows, const ColumnSums& sums, std::int64_t c) {
  const U32 d;
  const auto half = static_cast<std::int64_t>(hn::Lanes(F64()));
  auto a_nonzero = hn::LoadU(d, sums.a_nonzero + c);
  auto b_nonzero = hn::LoadU(d, sums.b_nonzero + c);
  auto both = hn::LoadU(d, sums.both + c);
  Products low(sums.dot + c, sums.aa + c, sums.bb + c);
  Products high(sums.dot + c + half, sums.aa + c + half, sums.bb + c + half);
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* pa = a + r * a_stride + c;
    const float* pb = b + r * b_stride + c;
    const auto in_a = nonzero(pa);
    const auto in_b = nonzero(pb);
    a_nonzero = hn::Sub(a_nonzero, hn::VecFromMask(d, in_a));  // a true lane is −1
    b_nonzero = hn::Sub(b_nonzero, hn::VecFromMask(d, in_b));
    both = hn::Sub(both, hn::VecFromMask(d, hn::And(in_a, in_b)));
    low.add(pa, pb);
    high.add(pa + half, pb + half);
  }
  hn::StoreU(a_nonzero, d, sums.a_nonzero + c);
  hn::StoreU(b_nonzero, d, sums.b_nonzero + c);
  hn::StoreU(both, d, sums.both + c);
  low.store(sums.dot + c, sums.aa + c, sums.bb + c);
  high.store(sums.dot + c + half, sums.aa + c + half, sums.bb + c + half);
}

void columns(const float* a, std::int64_t a_stride, const float* b, std::int64_t b_stride, std::int64_t rows,
             std::int64_t cols, const ColumnSums& sums) {
  const auto step = static_cast<std::int64_t>(hn::Lanes(F32()));
  std::int64_t c = 0;
  for (; c + step <= cols; c += step) column_group(a, a_stride, b, b_stride, rows, sums, c);
  if (c == cols) return;
  const ColumnSums rest = {sums.a_nonzero + c, sums.b_nonzero + c, sums.both + c,
                           sums.dot + c,       sums.aa + c,        sums.bb + c};
  scalar::similarity_columns(a + c, a_stride, b + c, b_stride, rows, cols - c, rest);
}

HWY_INLINE void count_nonzeros(const float* a, const float* b, RowSums& sums) {
  const U32 d;
  const auto in_a = nonzero(a);
  const auto in_b = nonzero(b);
  sums.a_nonzero += hn::CountTrue(d, in_a);
  sums.b_nonzero += hn::CountTrue(d, in_b);
  sums.both += hn::CountTrue(d, hn::And(in_a, in_b));
}

// The 16 lanes of RowSums are 2 vectors of 8 f64 on AVX-512 and 4 of 4 on AVX2.
void row(const float* a, const float* b, std::int64_t n, RowSums& sums) {
  constexpr std::int64_t kLanes = RowSums::kLanes;
  constexpr std::int64_t kWidth = HWY_MAX_BYTES / sizeof(double);
  constexpr std::int64_t kParts = kLanes / kWidth;
  static_assert(kParts == 2 || kParts == 4);
  const auto part = [&](std::int64_t p) {
    const std::int64_t at = (p % kParts) * kWidth;
    return Products(sums.dot.data() + at, sums.aa.data() + at, sums.bb.data() + at);
  };
  Products p0 = part(0);
  Products p1 = part(1);
  Products p2 = part(2);  // the last two idle on AVX-512
  Products p3 = part(3);
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::int64_t at = i; at < i + kLanes; at += 2 * kWidth) count_nonzeros(a + at, b + at, sums);
    p0.add(a + i, b + i);
    p1.add(a + i + kWidth, b + i + kWidth);
    if constexpr (kParts == 4) {
      p2.add(a + i + 2 * kWidth, b + i + 2 * kWidth);
      p3.add(a + i + 3 * kWidth, b + i + 3 * kWidth);
    }
  }
  const auto store = [&](const Products& products, std::int64_t p) {
    products.store(sums.dot.data() + p * kWidth, sums.aa.data() + p * kWidth, sums.bb.data() + p * kWidth);
  };
  store(p0, 0);
  store(p1, 1);
  if constexpr (kParts == 4) {
    store(p2, 2);
    store(p3, 3);
  }
  scalar::similarity_row(a + i, b + i, n - i, sums);  // i is a multiple of kLanes, so the lanes still match
}

#endif

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(columns);
HWY_EXPORT(row);

}  // namespace

void similarity_columns(const float* a, std::int64_t a_stride, const float* b, std::int64_t b_stride, std::int64_t rows,
                        std::int64_t cols, const ColumnSums& sums) {
  if (!use_simd()) return scalar::similarity_columns(a, a_stride, b, b_stride, rows, cols, sums);
  HWY_DYNAMIC_DISPATCH(columns)(a, a_stride, b, b_stride, rows, cols, sums);
}

void similarity_columns(const double* a, std::int64_t a_stride, const double* b, std::int64_t b_stride,
                        std::int64_t rows, std::int64_t cols, const ColumnSums& sums) {
  scalar::similarity_columns(a, a_stride, b, b_stride, rows, cols, sums);
}

void similarity_row(const float* a, const float* b, std::int64_t n, RowSums& sums) {
  if (!use_simd()) return scalar::similarity_row(a, b, n, sums);
  HWY_DYNAMIC_DISPATCH(row)(a, b, n, sums);
}

void similarity_row(const double* a, const double* b, std::int64_t n, RowSums& sums) {
  scalar::similarity_row(a, b, n, sums);
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
