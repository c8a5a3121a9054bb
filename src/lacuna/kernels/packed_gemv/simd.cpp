#include <algorithm>
#include <cstring>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/gemv/batches.hpp"
#include "lacuna/kernels/packed_gemv/packed_gemv.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/packed_gemv/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

#include "lacuna/kernels/gemv/batch-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR  // the fallback entry of the dispatch table; use_simd() never lets it run

void order_input(DType, const float*, std::int64_t, float*) {}
void packed_rows(const PackedRows&, std::int64_t, std::int64_t, const float*, float*, float, float) {}
void order_inputs(DType, MatrixView<const float>, float*, float*) {}
void packed_batch(const PackedRows&, std::int64_t, std::int64_t, const float*, MatrixView<float>, float, float) {}

#else

constexpr int kRows = 2;  // at once: two streams of values and two of bits a thread (README.md)

template <typename Element>
void multiply_packed(const PackedRows& w, std::int64_t first, std::int64_t end, const float* x, float* y, float alpha,
                     float beta) {
  const auto zero = opaque_zero();
  multiply_rows<Element, kRows>(first, end, w.cols, x, y, alpha, beta, [&](std::int64_t r) HWY_ATTR {
    return PackedRow<Element>{w.row_bitmap(r), w.values + w.row_starts[r] * Element::kBytes, zero};
  });
}

void order_input(DType dtype, const float* x, std::int64_t cols, float* out) { order_columns(dtype, x, cols, out); }

// Rows [first, end) of y. A vector beyond each row's values is readable.
void packed_rows(const PackedRows& w, std::int64_t first, std::int64_t end, const float* x, float* y, float alpha,
                 float beta) {
  if (w.dtype == DType::bf16) return multiply_packed<Bf16>(w, first, end, x, y, alpha, beta);
  if (w.dtype == DType::f16) return multiply_packed<F16>(w, first, end, x, y, alpha, beta);
  multiply_packed<F32>(w, first, end, x, y, alpha, beta);
}

template <typename Element>
void multiply_packed_batch(const PackedRows& w, std::int64_t first, std::int64_t end, const float* x,
                           MatrixView<float> y, float alpha, float beta) {
  const auto zero = opaque_zero();
  multiply_batch<Element>(first, end, {x, y.rows, w.cols}, y, alpha, beta, [&](std::int64_t r) HWY_ATTR {
    return PackedRow<Element>{w.row_bitmap(r), w.values + w.row_starts[r] * Element::kBytes, zero};
  });
}

void order_inputs(DType dtype, MatrixView<const float> x, float* scratch, float* out) {
  order_batch(dtype, x, scratch, out);
}

// Rows [first, end) of every column of y.
void packed_batch(const PackedRows& w, std::int64_t first, std::int64_t end, const float* x, MatrixView<float> y,
                  float alpha, float beta) {
  if (w.dtype == DType::bf16) return multiply_packed_batch<Bf16>(w, first, end, x, y, alpha, beta);
  if (w.dtype == DType::f16) return multiply_packed_batch<F16>(w, first, end, x, y, alpha, beta);
  multiply_packed_batch<F32>(w, first, end, x, y, alpha, beta);
}

#endif

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(order_input);
HWY_EXPORT(packed_rows);
HWY_EXPORT(order_inputs);
HWY_EXPORT(packed_batch);

constexpr std::int64_t kElementsPerThread = 1 << 17;  // below this a second thread costs more than it saves
constexpr std::uint64_t kVectorBytes = 64;

// The first of the last rows that have less than a vector behind them in the array.
std::int64_t first_exposed_row(const PackedRows& w) {
  const std::uint64_t spare = kVectorBytes / dtype_bytes(w.dtype);
  std::int64_t row = w.rows;
  while (row > 0 && w.row_starts[w.rows] - w.row_starts[row] < spare) --row;
  return row;
}

// Those rows with room behind their values, in a copy.
struct ExposedRows {
  AlignedBuffer<std::byte> values;
  AlignedBuffer<std::uint64_t> starts;
  PackedRows rows;

  ExposedRows(const PackedRows& w, std::int64_t first) : starts(static_cast<std::size_t>(w.rows - first) + 1), rows(w) {
    const std::size_t width = dtype_bytes(w.dtype);
    const std::uint64_t start = w.row_starts[first];
    const std::size_t bytes = (w.row_starts[w.rows] - start) * width;
    values = AlignedBuffer<std::byte>::zeroed(bytes + kVectorBytes);
    if (bytes != 0) std::memcpy(values.data(), w.values + start * width, bytes);
    for (std::size_t i = 0; i < starts.size(); ++i) {
      starts[i] = w.row_starts[first + static_cast<std::int64_t>(i)] - start;
    }
    rows.rows = w.rows - first;
    rows.bitmap = w.row_bitmap(first);
    rows.values = values.data();
    rows.row_starts = starts.data();
  }
};

std::size_t padded(std::int64_t cols) { return static_cast<std::size_t>(cols + 63) / 64 * 64; }

// At most kMostBatch inputs.
void multiply_few(const PackedRows& w, MatrixView<const float> x, MatrixView<float> y, float alpha, float beta) {
  AlignedBuffer<float> scratch(padded(w.cols));
  AlignedBuffer<float> ordered(static_cast<std::size_t>(x.rows) * padded(w.cols));
  HWY_DYNAMIC_DISPATCH(order_inputs)(w.dtype, x, scratch.data(), ordered.data());
  const std::int64_t exposed = first_exposed_row(w);
  const std::int64_t grain = kElementsPerThread / std::max<std::int64_t>(w.cols * x.rows, 1) + 1;
  parallel_for(exposed, grain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(packed_batch)(w, begin, end, ordered.data(), y, alpha, beta);
  });
  if (exposed == w.rows) return;
  const ExposedRows rest(w, exposed);
  HWY_DYNAMIC_DISPATCH(packed_batch)
  (rest.rows, 0, rest.rows.rows, ordered.data(), y.block(0, y.rows, exposed, rest.rows.rows), alpha, beta);
}

}  // namespace

void packed_gemv(const PackedRows& w, const float* x, float* y, float alpha, float beta) {
  if (!use_simd()) return scalar::packed_gemv(w, x, y, alpha, beta);
  AlignedBuffer<float> ordered(padded(w.cols));
  HWY_DYNAMIC_DISPATCH(order_input)(w.dtype, x, w.cols, ordered.data());
  const std::int64_t exposed = first_exposed_row(w);
  const std::int64_t grain = kElementsPerThread / std::max<std::int64_t>(w.cols, 1) + 1;
  parallel_for(exposed, grain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(packed_rows)(w, begin, end, ordered.data(), y, alpha, beta);
  });
  if (exposed == w.rows) return;
  const ExposedRows rest(w, exposed);
  HWY_DYNAMIC_DISPATCH(packed_rows)(rest.rows, 0, rest.rows.rows, ordered.data(), y + exposed, alpha, beta);
}

void packed_gemv_batch(const PackedRows& w, MatrixView<const float> x, MatrixView<float> y, float alpha, float beta) {
  LACUNA_ASSERT(x.cols == w.cols && y.cols == w.rows && x.rows == y.rows);
  for_each_batch(x, y, [&](MatrixView<const float> inputs, MatrixView<float> outputs) {
    if (inputs.rows == 1 || !use_simd()) {
      for (std::int64_t j = 0; j < inputs.rows; ++j) packed_gemv(w, inputs.row(j), outputs.row(j), alpha, beta);
    } else {
      multiply_few(w, inputs, outputs, alpha, beta);
    }
  });
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
