// A thread owns a range of the rows and walks them in tiles whose sums stay in its L1 cache; columns-inl.h takes the
// active columns through a tile.
#include <algorithm>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/sparse_gemv/active_columns.hpp"
#include "lacuna/kernels/sparse_gemv/row_range.hpp"
#include "lacuna/kernels/sparse_gemv/sparse_gemv.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/sparse_gemv/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

#include "lacuna/kernels/sparse_gemv/columns-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR  // the fallback entry of the dispatch table; use_simd() never lets it run

void multiply_rows(const RowRange&) {}

#else

HWY_INLINE void write_rows(const RowRange& range, std::int64_t first, std::int64_t rows, const float* sums,
                           std::int64_t b) {
  const ColumnProduct& p = *range.product;
  float* y = p.y.row(range.first_batch_row + b) + first;
  for (std::int64_t i = 0; i < rows; ++i) {
    float value = sums[i];
    if (p.bias != nullptr) value += p.bias[first + i];
    y[i] = p.accumulate ? y[i] + value : value;
  }
}

template <typename Element, int kBatch>
void multiply_tiles(const RowRange& range) {
  constexpr std::int64_t kLargest = kTileSums / kBatch;
  const std::int64_t total = range.end - range.first;
  const std::int64_t tiles = (total + kLargest - 1) / kLargest;
  const std::int64_t step = (total + tiles * kStrip - 1) / (tiles * kStrip) * kStrip;  // ≤ kLargest
  alignas(64) float sums[kTileSums];
  for (std::int64_t begin = 0; begin < total; begin += step) {
    const std::int64_t end = std::min(total, begin + step);
    const std::int64_t pitch = (end - begin + kStrip - 1) / kStrip * kStrip;
    std::fill_n(sums, pitch * kBatch, 0.0F);
    const ColumnWeights& w = range.product->w;
    const auto* base = static_cast<const std::byte*>(w.data) + (range.first + begin) * Element::kBytes;
    add_tile<Element, kBatch>({*range.active, base, w.column_stride * Element::kBytes, end - begin, sums, pitch});
    for (int b = 0; b < kBatch; ++b) write_rows(range, range.first + begin, end - begin, sums + b * pitch, b);
  }
}

template <typename Element>
void multiply_batch(const RowRange& range) {
  switch (range.active->batch) {
    case 8: return multiply_tiles<Element, 8>(range);
    case 4: return multiply_tiles<Element, 4>(range);
    case 2: return multiply_tiles<Element, 2>(range);
    default: return multiply_tiles<Element, 1>(range);
  }
}

void multiply_rows(const RowRange& range) {
  if (range.product->w.dtype == DType::bf16) return multiply_batch<Bf16>(range);
  if (range.product->w.dtype == DType::f16) return multiply_batch<F16>(range);
  multiply_batch<F32>(range);
}

#endif

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(multiply_rows);

constexpr std::int64_t kElementsPerThread = 1 << 17;  // below this a second thread costs more than it saves

// One product's share of the work: strips of rows, each as dear as the columns it reads.
struct Share {
  RowRange whole;
  std::int64_t cost() const { return (whole.active->count + 1) * whole.product->w.rows; }
  // The row at which `spent` of the cost is spent.
  std::int64_t row_at(std::int64_t spent) const {
    if (spent <= 0) return 0;
    if (spent >= cost()) return whole.product->w.rows;
    return spent / (whole.active->count + 1) / kStrip * kStrip;
  }
};

// Part `part` of `parts` equal ones of all products, laid end to end.
void multiply_part(std::span<const Share> shares, std::int64_t total, std::int64_t part, std::int64_t parts) {
  std::int64_t passed = 0;
  for (const Share& share : shares) {
    RowRange range = share.whole;
    range.first = share.row_at(total * part / parts - passed);
    range.end = share.row_at(total * (part + 1) / parts - passed);
    if (range.first < range.end) multiply_range(range);
    passed += share.cost();
  }
}

// Up to kLargestBatch rows of x at once: a power of two of them.
void multiply_batch_rows(MatrixView<const float> x, std::int64_t first_row, std::span<const ColumnProduct> products) {
  ActiveLists lists(x);
  std::vector<Share> shares;
  std::int64_t total = 0;
  for (const ColumnProduct& p : products) {
    shares.push_back({{&p, &lists.of(p.threshold), 0, p.w.rows, first_row}});
    total += shares.back().cost();
  }
  const std::int64_t parts = parts_of_work(total);
  parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto part = begin; part < end; ++part) multiply_part(shares, total, part, parts);
  });
}

}  // namespace

void multiply_range(const RowRange& range) { HWY_DYNAMIC_DISPATCH(multiply_rows)(range); }

std::int64_t parts_of_work(std::int64_t weights) {
  return std::clamp<std::int64_t>(weights / kElementsPerThread, 1, thread_count());
}

std::int64_t rows_together(std::int64_t batch_rows) {
  std::int64_t batch = kLargestBatch;
  while (batch > batch_rows) batch /= 2;
  return batch;
}

void sparse_gemv(MatrixView<const float> x, std::span<const ColumnProduct> products) {
  for ([[maybe_unused]] const ColumnProduct& p : products) {
    LACUNA_ASSERT(p.w.cols == x.cols && p.w.column_stride >= p.w.rows && p.y.rows == x.rows && p.y.cols == p.w.rows);
  }
  if (!use_simd()) return scalar::sparse_gemv(x, products);
  for (std::int64_t row = 0; row < x.rows;) {
    const std::int64_t batch = rows_together(x.rows - row);
    multiply_batch_rows(x.block(row, batch, 0, x.cols), row, products);
    row += batch;
  }
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
