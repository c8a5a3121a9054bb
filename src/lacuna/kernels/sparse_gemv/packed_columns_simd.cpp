// A thread takes whole panels. It adds a panel's active columns six at a time to sums that stay in its L1 cache, 64
// rows (AVX2: 32) of each expanded in registers, and asks memory for the next six meanwhile: no hardware prefetcher
// foresees them across the gaps.
#include <algorithm>
#include <span>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/sparse_gemv/active_columns.hpp"
#include "lacuna/kernels/sparse_gemv/packed_columns.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/sparse_gemv/packed_columns_simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>
// After Highway, which quiets what GCC says about these headers.
#include <immintrin.h>

#include "lacuna/kernels/gemv/dot-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR  // the fallback entry of the dispatch table; use_simd() never lets it run

void multiply_panel(const PackedColumns::Part&, const ActiveColumns&, float*) {}

#else

constexpr std::int64_t kTogether = 6;  // columns: pointers of more do not stay in registers

#if LACUNA_WIDE_EXPAND
HWY_INLINE Vector broadcast(float value) { return _mm512_set1_ps(value); }
HWY_INLINE void store_vector(Vector value, float* p) { _mm512_storeu_ps(p, value); }
#else
HWY_INLINE Vector broadcast(float value) { return _mm256_set1_ps(value); }
HWY_INLINE void store_vector(Vector value, float* p) { _mm256_storeu_ps(p, value); }
#endif

// Columns on their way down a panel.
template <int kColumns>
struct PackedGroup {
  const std::uint8_t* bitmap[kColumns];
  const std::byte* values[kColumns];
  const char* ahead[kColumns];  // of the columns that come next
  std::int64_t step;            // bytes asked for at a strip: the average column's
  std::int64_t strip = 0;
  const float* x;

  HWY_INLINE PackedGroup(const PackedPanel& w, const ActiveColumns& active, std::int64_t k)
      : x(active.inputs.data() + k) {
    step = static_cast<std::int64_t>(w.starts[w.cols]) / (w.cols * w.words() * (64 / kBlock)) + 1;
    for (std::int64_t c = 0; c < kColumns; ++c) {
      const auto* column = w.data + w.starts[active.columns[static_cast<std::size_t>(k + c)]];
      bitmap[c] = reinterpret_cast<const std::uint8_t*>(column);
      values[c] = column + w.words() * 8;
      const auto next = active.columns[static_cast<std::size_t>(k + kColumns + c)];
      ahead[c] = reinterpret_cast<const char*>(w.data + w.starts[next]);
    }
  }
};

// sums[i] += Σ_c w_c[i] · x[c] for the next kBlock rows, in the order of widen().
template <typename Element, int kColumns>
HWY_INLINE void add_strip(PackedGroup<kColumns>& group, decltype(opaque_zero()) zero, float* sums) {
  const std::int64_t ahead = group.strip * group.step;
  Vector sum[4];
  for (std::size_t i = 0; i < 4; ++i) sum[i] = load_vector(sums + i * kLanes);
  HWY_UNROLL(6)
  for (int c = 0; c < kColumns; ++c) {
    Halves raw;
    const std::int64_t taken = load_packed(zero, group.bitmap[c] + group.strip * (kBlock / 8), group.values[c], raw);
    group.values[c] += taken * 2;
    _mm_prefetch(group.ahead[c] + ahead, _MM_HINT_T0);
    Vector w[4];
    widen(Element(), raw, w);
    const Vector x = broadcast(group.x[c]);
    for (int i = 0; i < 4; ++i) sum[i] = multiply_add(w[i], x, sum[i]);
  }
  for (std::size_t i = 0; i < 4; ++i) store_vector(sum[i], sums + i * kLanes);
  ++group.strip;
}

template <typename Element, int kColumns>
HWY_INLINE void add_columns(const PackedPanel& w, const ActiveColumns& active, std::int64_t k, float* sums) {
  const auto zero = opaque_zero();
  PackedGroup<kColumns> group(w, active, k);
  for (std::int64_t i = 0; i < w.rows; i += kBlock) add_strip<Element, kColumns>(group, zero, sums + i);
}

template <typename Element>
void add_panel(const PackedPanel& w, const ActiveColumns& active, float* sums) {
  std::int64_t k = 0;
  for (; k + kTogether <= active.count; k += kTogether) add_columns<Element, kTogether>(w, active, k, sums);
  for (; k < active.count; ++k) add_columns<Element, 1>(w, active, k, sums);
}

// Where widen() puts row i.
HWY_INLINE std::int64_t place_of([[maybe_unused]] bool paired, std::int64_t i) {
#if LACUNA_WIDE_EXPAND
  if (paired) return i / 32 * 32 + i % 2 * 16 + i % 32 / 2;
#endif
  return i;
}

// One row of y.
void multiply_panel(const PackedColumns::Part& part, const ActiveColumns& active, float* y) {
  const PackedPanel& w = part.w;
  alignas(64) float sums[PackedColumns::kMostRows];
  std::fill_n(sums, w.words() * 64, 0.0F);
  const bool is_bf16 = w.dtype == DType::bf16;
  if (is_bf16) {
    add_panel<Bf16>(w, active, sums);
  } else {
    add_panel<F16>(w, active, sums);
  }
  for (std::int64_t i = 0; i < w.rows; ++i) {
    float value = sums[place_of(is_bf16, i)];
    if (part.bias != nullptr) value += part.bias[i];
    y[i] = part.accumulate ? y[i] + value : value;
  }
}

#endif

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(multiply_panel);

constexpr std::int64_t kElementsPerThread = 1 << 17;  // below this a second thread costs more than it saves

// A panel and the columns of it that are read.
struct Share {
  const PackedColumns::Part* part;
  const ActiveColumns* active;
  std::int64_t cost() const { return (active->count + 1) * part->w.rows; }
};

// Of all shares laid end to end, those whose middles lie in piece `piece` of `pieces` equal ones.
void multiply_piece(std::span<const Share> shares, std::int64_t row, std::int64_t total, std::int64_t piece,
                    std::int64_t pieces) {
  std::int64_t passed = 0;
  for (const Share& share : shares) {
    const std::int64_t middle = passed + share.cost() / 2;
    passed += share.cost();
    if (middle < total * piece / pieces || middle >= total * (piece + 1) / pieces) continue;
    HWY_DYNAMIC_DISPATCH(multiply_panel)(*share.part, *share.active, share.part->y.row(row));
  }
}

void multiply_row(MatrixView<const float> x, std::int64_t row, const std::vector<PackedColumns::Part>& parts) {
  ActiveLists lists(x.block(row, 1, 0, x.cols));
  std::vector<Share> shares;
  std::int64_t total = 0;
  for (const auto& part : parts) {
    shares.push_back({&part, &lists.of(part.threshold)});
    total += shares.back().cost();
  }
  const std::int64_t pieces = std::clamp<std::int64_t>(total / kElementsPerThread, 1, thread_count());
  parallel_for(pieces, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto piece = begin; piece < end; ++piece) multiply_piece(shares, row, total, piece, pieces);
  });
}

}  // namespace

void packed_columns_gemv(MatrixView<const float> x, std::vector<PackedColumns::Part>& parts) {
  for ([[maybe_unused]] const auto& part : parts) {
    LACUNA_ASSERT(part.w.cols == x.cols && part.y.rows == x.rows && part.y.cols == part.w.rows);
  }
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.place < b.place; });
  if (!use_simd()) return scalar::packed_columns_gemv(x, parts);
  for (std::int64_t row = 0; row < x.rows; ++row) multiply_row(x, row, parts);
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
