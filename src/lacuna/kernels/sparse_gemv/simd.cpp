// A thread owns a range of the rows and walks them in tiles whose sums stay in its L1 cache. For a tile it takes the
// active columns eight at a time: one load and one store of the sums for eight columns. It asks memory for what it will
// read later, across the gaps between columns, which no hardware prefetcher foresees.
#include <immintrin.h>

#include <algorithm>
#include <cstring>
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

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR  // the fallback entry of the dispatch table; use_simd() never lets it run

void multiply_range(const RowRange&) {}

#else

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::VFromD<D>;

struct F32 {
  static constexpr std::int64_t kBytes = 4;
  static HWY_INLINE V load(const std::byte* at) { return hn::LoadU(D(), reinterpret_cast<const float*>(at)); }
};
struct F16 {
  static constexpr std::int64_t kBytes = 2;
  static HWY_INLINE V load(const std::byte* at) {
    const hn::Rebind<std::uint16_t, D> bits;
    const hn::Rebind<hwy::float16_t, D> half;
    return hn::PromoteTo(D(), hn::BitCast(half, hn::LoadU(bits, reinterpret_cast<const std::uint16_t*>(at))));
  }
};
struct Bf16 {
  static constexpr std::int64_t kBytes = 2;
  static HWY_INLINE V load(const std::byte* at) {
    const hn::Rebind<std::uint16_t, D> bits;
    const hn::RebindToUnsigned<D> wide;
    const auto widened = hn::PromoteTo(wide, hn::LoadU(bits, reinterpret_cast<const std::uint16_t*>(at)));
    return hn::BitCast(D(), hn::ShiftLeft<16>(widened));
  }
};

// kColumns columns on their way through a tile, at the same row of each.
template <int kColumns>
struct ColumnGroup {
  const std::byte* at[kColumns];
  const float* x;  // kColumns×kBatch
};

// Asks for the columns in the order in which they will be read, kGroup side by side, kAhead bytes of each ahead of the
// sums: once for L2, as far ahead as memory takes to answer, and once more for L1.
enum class Cache { l1, l2 };
template <Cache kCache, std::int64_t kAhead>
class Asker {
 public:
  HWY_INLINE Asker(const ActiveColumns& active, const std::byte* base, std::int64_t column_bytes, std::int64_t bytes)
      : active_(active), base_(base), column_bytes_(column_bytes), bytes_(bytes) {
    find_group();
    for (std::int64_t asked = 0; asked < kAhead; asked += 64) ask_line();
  }

  // The next 64 bytes of each column of the group.
  HWY_INLINE void ask_line() {
    constexpr auto kHint = kCache == Cache::l1 ? _MM_HINT_T0 : _MM_HINT_T1;
    for (const std::byte* column : group_) _mm_prefetch(reinterpret_cast<const char*>(column) + offset_, kHint);
    offset_ += 64;
    if (offset_ < bytes_) return;
    offset_ = 0;
    next_ = std::min(next_ + kGroup, active_.count);  // the list goes on with its last column
    find_group();
  }

 private:
  HWY_INLINE void find_group() {
    for (std::int64_t c = 0; c < kGroup; ++c) {
      group_[c] = base_ + active_.columns[static_cast<std::size_t>(next_ + c)] * column_bytes_;
    }
  }

  const ActiveColumns& active_;
  const std::byte* base_;
  std::int64_t column_bytes_;
  std::int64_t bytes_;  // of a column of this tile
  std::int64_t next_ = 0;
  std::int64_t offset_ = 0;
  const std::byte* group_[kGroup];
};

// sums[b·pitch + i] += Σ_c w_c[i] · x[c, b] for the kStrip rows at byte `offset` of each column.
template <typename Element, int kColumns, int kBatch>
HWY_INLINE void add_strip(const ColumnGroup<kColumns>& group, std::int64_t offset, float* sums, std::int64_t pitch) {
  constexpr auto kLanes = static_cast<std::int64_t>(hn::MaxLanes(D()));
  HWY_UNROLL(4)
  for (std::int64_t i = 0; i < kStrip; i += kLanes) {
    V w[kColumns];
    for (int c = 0; c < kColumns; ++c) w[c] = Element::load(group.at[c] + offset + i * Element::kBytes);
    for (int b = 0; b < kBatch; ++b) {
      float* const at = sums + b * pitch + i;
      V sum = hn::Load(D(), at);
      for (int c = 0; c < kColumns; ++c) sum = hn::MulAdd(w[c], hn::Set(D(), group.x[c * kBatch + b]), sum);
      hn::Store(sum, D(), at);
    }
  }
}

// The rows of a tile that do not fill a strip, from padded copies.
template <typename Element, int kColumns, int kBatch>
HWY_INLINE void add_last_rows(const ColumnGroup<kColumns>& group, std::int64_t first, std::int64_t rows, float* sums,
                              std::int64_t pitch) {
  constexpr std::int64_t kStripBytes = kStrip * Element::kBytes;
  alignas(64) std::byte last[kColumns][kStripBytes] = {};
  ColumnGroup<kColumns> copies = group;
  for (int c = 0; c < kColumns; ++c) {
    std::memcpy(last[c], group.at[c] + first * Element::kBytes,
                static_cast<std::size_t>((rows - first) * Element::kBytes));
    copies.at[c] = last[c];
  }
  add_strip<Element, kColumns, kBatch>(copies, 0, sums + first, pitch);
}

template <typename Element, int kBatch>
void add_tile(const RowRange& range, std::int64_t first, std::int64_t rows, float* sums, std::int64_t pitch) {
  constexpr std::int64_t kStripBytes = kStrip * Element::kBytes;
  const ActiveColumns& active = *range.active;
  const ColumnWeights& w = range.product->w;
  const std::byte* base = static_cast<const std::byte*>(w.data) + first * Element::kBytes;
  const std::int64_t column_bytes = w.column_stride * Element::kBytes;
  const std::int64_t whole = rows / kStrip * kStrip;
  const auto column = [&](std::int64_t k)
                          HWY_ATTR { return base + active.columns[static_cast<std::size_t>(k)] * column_bytes; };
  Asker<Cache::l2, 2048> far(active, base, column_bytes, rows * Element::kBytes);
  Asker<Cache::l1, 512> near(active, base, column_bytes, rows * Element::kBytes);
  std::int64_t k = 0;
  for (; k + kGroup <= active.count; k += kGroup) {
    ColumnGroup<kGroup> group;
    for (std::int64_t c = 0; c < kGroup; ++c) group.at[c] = column(k + c);
    group.x = active.inputs.data() + k * kBatch;
    for (std::int64_t i = 0; i < whole; i += kStrip) {
      for (std::int64_t line = 0; line < kStripBytes; line += 64) {
        far.ask_line();
        near.ask_line();
      }
      add_strip<Element, kGroup, kBatch>(group, i * Element::kBytes, sums + i, pitch);
    }
    if (whole < rows) add_last_rows<Element, kGroup, kBatch>(group, whole, rows, sums, pitch);
  }
  for (; k < active.count; ++k) {
    const ColumnGroup<1> group = {{column(k)}, active.inputs.data() + k * kBatch};
    for (std::int64_t i = 0; i < whole; i += kStrip) {
      add_strip<Element, 1, kBatch>(group, i * Element::kBytes, sums + i, pitch);
    }
    if (whole < rows) add_last_rows<Element, 1, kBatch>(group, whole, rows, sums, pitch);
  }
}

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
    add_tile<Element, kBatch>(range, range.first + begin, end - begin, sums, pitch);
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

void multiply_range(const RowRange& range) {
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

HWY_EXPORT(multiply_range);

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
    if (range.first < range.end) HWY_DYNAMIC_DISPATCH(multiply_range)(range);
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
  const std::int64_t parts = std::clamp<std::int64_t>(total / kElementsPerThread, 1, thread_count());
  parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto part = begin; part < end; ++part) multiply_part(shares, total, part, parts);
  });
}

}  // namespace

void sparse_gemv(MatrixView<const float> x, std::span<const ColumnProduct> products) {
  for ([[maybe_unused]] const ColumnProduct& p : products) {
    LACUNA_ASSERT(p.w.cols == x.cols && p.w.column_stride >= p.w.rows && p.y.rows == x.rows && p.y.cols == p.w.rows);
  }
  if (!use_simd()) return scalar::sparse_gemv(x, products);
  for (std::int64_t row = 0; row < x.rows;) {
    std::int64_t batch = kLargestBatch;
    while (batch > x.rows - row) batch /= 2;
    multiply_batch_rows(x.block(row, batch, 0, x.cols), row, products);
    row += batch;
  }
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
