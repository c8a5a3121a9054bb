#include <algorithm>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/dtype.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/expand/expand.hpp"
#include "lacuna/kernels/gemv/batches.hpp"
#include "lacuna/kernels/gemv/gemv.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/gemv/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

#include "lacuna/kernels/gemv/batch-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR  // the fallback entry of the dispatch table; use_simd() never lets it run

void order_input(DType, const float*, std::int64_t, float*) {}
void gemv_rows(DType, const std::byte*, std::int64_t, std::int64_t, std::int64_t, const float*, float*, float, float) {}
void order_inputs(DType, MatrixView<const float>, float*, float*) {}
void gemv_batch_rows(DType, const std::byte*, std::int64_t, std::int64_t, std::int64_t, const float*, MatrixView<float>,
                     float, float) {}

#else

constexpr int kRows = 2;  // at once: two streams a thread (README.md)

template <typename Element>
void multiply_dense(const std::byte* w, std::int64_t row_bytes, std::int64_t rows, std::int64_t cols, const float* x,
                    float* y, float alpha, float beta) {
  multiply_rows<Element, kRows>(0, rows, cols, x, y, alpha, beta,
                                [&](std::int64_t r) HWY_ATTR { return DenseRow<Element>{w + r * row_bytes}; });
}

void order_input(DType dtype, const float* x, std::int64_t cols, float* out) { order_columns(dtype, x, cols, out); }

void gemv_rows(DType dtype, const std::byte* w, std::int64_t row_bytes, std::int64_t rows, std::int64_t cols,
               const float* x, float* y, float alpha, float beta) {
  if (dtype == DType::bf16) return multiply_dense<Bf16>(w, row_bytes, rows, cols, x, y, alpha, beta);
  if (dtype == DType::f16) return multiply_dense<F16>(w, row_bytes, rows, cols, x, y, alpha, beta);
  multiply_dense<F32>(w, row_bytes, rows, cols, x, y, alpha, beta);
}

template <typename Element>
void multiply_dense_batch(const std::byte* w, std::int64_t row_bytes, std::int64_t rows, std::int64_t cols,
                          const float* x, MatrixView<float> y, float alpha, float beta) {
  multiply_batch<Element>(0, rows, {x, y.rows, cols}, y, alpha, beta,
                          [&](std::int64_t r) HWY_ATTR { return DenseRow<Element>{w + r * row_bytes}; });
}

void order_inputs(DType dtype, MatrixView<const float> x, float* scratch, float* out) {
  order_batch(dtype, x, scratch, out);
}

void gemv_batch_rows(DType dtype, const std::byte* w, std::int64_t row_bytes, std::int64_t rows, std::int64_t cols,
                     const float* x, MatrixView<float> y, float alpha, float beta) {
  if (dtype == DType::bf16) return multiply_dense_batch<Bf16>(w, row_bytes, rows, cols, x, y, alpha, beta);
  if (dtype == DType::f16) return multiply_dense_batch<F16>(w, row_bytes, rows, cols, x, y, alpha, beta);
  multiply_dense_batch<F32>(w, row_bytes, rows, cols, x, y, alpha, beta);
}

#endif

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(order_input);
HWY_EXPORT(gemv_rows);
HWY_EXPORT(order_inputs);
HWY_EXPORT(gemv_batch_rows);

constexpr std::int64_t kElementsPerThread = 1 << 17;  // below this a second thread costs more than it saves

void multiply(DType dtype, const void* w, std::int64_t row_stride, std::int64_t rows, std::int64_t cols, const float* x,
              float* y, float alpha, float beta) {
  AlignedBuffer<float> ordered(static_cast<std::size_t>(cols + 63) / 64 * 64);
  HWY_DYNAMIC_DISPATCH(order_input)(dtype, x, cols, ordered.data());
  const std::int64_t row_bytes = row_stride * static_cast<std::int64_t>(dtype_bytes(dtype));
  const std::int64_t grain = kElementsPerThread / std::max<std::int64_t>(cols, 1) + 1;
  parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(gemv_rows)
    (dtype, static_cast<const std::byte*>(w) + begin * row_bytes, row_bytes, end - begin, cols, ordered.data(),
     y + begin, alpha, beta);
  });
}

std::size_t padded(std::int64_t cols) { return static_cast<std::size_t>(cols + 63) / 64 * 64; }

// At most kMostBatch inputs.
template <typename T>
void multiply_few(DType dtype, MatrixView<const T> w, MatrixView<const float> x, MatrixView<float> y, float alpha,
                  float beta) {
  AlignedBuffer<float> scratch(padded(w.cols));
  AlignedBuffer<float> ordered(static_cast<std::size_t>(x.rows) * padded(w.cols));
  HWY_DYNAMIC_DISPATCH(order_inputs)(dtype, x, scratch.data(), ordered.data());
  const auto row_bytes = w.row_stride * static_cast<std::int64_t>(sizeof(T));
  const std::int64_t grain = kElementsPerThread / std::max<std::int64_t>(w.cols * x.rows, 1) + 1;
  parallel_for(w.rows, grain, [&](std::int64_t begin, std::int64_t end) {
    HWY_DYNAMIC_DISPATCH(gemv_batch_rows)
    (dtype, reinterpret_cast<const std::byte*>(w.row(begin)), row_bytes, end - begin, w.cols, ordered.data(),
     y.block(0, y.rows, begin, end - begin), alpha, beta);
  });
}

// `single` is what one input goes through.
template <typename T, typename Single>
void multiply_batches(DType dtype, MatrixView<const T> w, MatrixView<const float> x, MatrixView<float> y, float alpha,
                      float beta, Single single) {
  LACUNA_ASSERT(x.cols == w.cols && y.cols == w.rows && x.rows == y.rows);
  for_each_batch(x, y, [&](MatrixView<const float> inputs, MatrixView<float> outputs) {
    if (inputs.rows > 1 && use_simd()) return multiply_few(dtype, w, inputs, outputs, alpha, beta);
    for (std::int64_t j = 0; j < inputs.rows; ++j) single(w, inputs.row(j), outputs.row(j), alpha, beta);
  });
}

}  // namespace

void gemv(MatrixView<const float> w, const float* x, float* y, float alpha, float beta) {
  if (!use_simd()) return scalar::gemv(w, x, y, alpha, beta);
  multiply(DType::f32, w.data, w.row_stride, w.rows, w.cols, x, y, alpha, beta);
}

void gemv_bf16(MatrixView<const std::uint16_t> w, const float* x, float* y, float alpha, float beta) {
  if (!use_simd()) return scalar::gemv_bf16(w, x, y, alpha, beta);
  multiply(DType::bf16, w.data, w.row_stride, w.rows, w.cols, x, y, alpha, beta);
}

void gemv_f16(MatrixView<const std::uint16_t> w, const float* x, float* y, float alpha, float beta) {
  if (!use_simd()) return scalar::gemv_f16(w, x, y, alpha, beta);
  multiply(DType::f16, w.data, w.row_stride, w.rows, w.cols, x, y, alpha, beta);
}

void gemv_batch(MatrixView<const float> w, MatrixView<const float> x, MatrixView<float> y, float alpha, float beta) {
  multiply_batches(DType::f32, w, x, y, alpha, beta, gemv);
}

void gemv_batch_bf16(MatrixView<const std::uint16_t> w, MatrixView<const float> x, MatrixView<float> y, float alpha,
                     float beta) {
  multiply_batches(DType::bf16, w, x, y, alpha, beta, gemv_bf16);
}

void gemv_batch_f16(MatrixView<const std::uint16_t> w, MatrixView<const float> x, MatrixView<float> y, float alpha,
                    float beta) {
  multiply_batches(DType::f16, w, x, y, alpha, beta, gemv_f16);
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
