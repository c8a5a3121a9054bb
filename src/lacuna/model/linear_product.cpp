#include "lacuna/model/linear_product.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lacuna/core/cpu.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/convert/convert.hpp"
#include "lacuna/kernels/gemm/gemm.hpp"
#include "lacuna/kernels/gemv/gemv.hpp"
#include "lacuna/kernels/packed_gemv/packed_gemv.hpp"

namespace lacuna {
namespace {

void add_bias(MatrixView<float> y, const std::vector<float>& bias) {
  constexpr std::int64_t kElementsPerThread = 1 << 15;
  const std::int64_t grain = kElementsPerThread / std::max<std::int64_t>(y.cols, 1) + 1;
  parallel_for(y.rows, grain, [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      float* row = y.row(r);
      for (std::size_t c = 0; c < bias.size(); ++c) row[c] += bias[c];
    }
  });
}

template <typename T>
void reserve(AlignedBuffer<T>& buffer, std::int64_t size) {
  if (buffer.size() < static_cast<std::size_t>(size)) buffer = AlignedBuffer<T>(static_cast<std::size_t>(size));
}

bool readable_in_place(const TensorView& tensor, DType dtype) {
  return tensor.dtype == dtype && tensor.is_contiguous() &&
         reinterpret_cast<std::uintptr_t>(tensor.data) % dtype_bytes(dtype) == 0;
}

template <typename T>
MatrixView<const T> as_matrix(const TensorView& tensor) {
  return {reinterpret_cast<const T*>(tensor.data), tensor.shape[0], tensor.shape[1]};
}

TensorView row_block(const TensorView& tensor, std::int64_t first, std::int64_t count) {
  TensorView block = tensor;
  block.shape[0] = count;
  block.data += first * tensor.strides[0] * static_cast<std::int64_t>(dtype_bytes(tensor.dtype));
  return block;
}

// The same for dense and packed weights, so that they give the same bits. Of f32 GEMM needs no widened copy, and wins
// earlier (kernels/packed_gemv/README.md).
std::int64_t most_rows_in_place(DType dtype) { return dtype == DType::f32 ? 4 : 16; }

}  // namespace

Compute parse_compute(std::string_view name) {
  if (name == "f32") return Compute::f32;
  if (name == "bf16") return Compute::bf16;
  throw Error(ErrorCode::invalid_argument, fmt::format("compute: expected f32 or bf16, got \"{}\"", name));
}

std::string_view compute_name(Compute compute) { return compute == Compute::f32 ? "f32" : "bf16"; }

LinearProduct::LinearProduct(Compute compute) : compute_(compute) {
  if (compute == Compute::bf16 && !cpu_has_bf16()) {
    throw Error(ErrorCode::invalid_argument, "compute: bf16 needs a processor with AVX512_BF16, this one has none")
        .hint("use f32, the default");
  }
}

LinearProduct::Input LinearProduct::Input::rows(std::int64_t first, std::int64_t count) const {
  Input part;
  part.f32 = f32.block(first, count, 0, f32.cols);
  if (bf16.data != nullptr) part.bf16 = bf16.block(first, count, 0, bf16.cols);
  return part;
}

LinearProduct::Input LinearProduct::prepare(MatrixView<const float> x) {
  Input input;
  input.f32 = x;
  if (compute_ == Compute::bf16) input.bf16 = round(x, rounded_input_);
  return input;
}

void LinearProduct::apply(const Linear& linear, const Input& x, MatrixView<float> y, bool accumulate) {
  multiply({linear.weights.view(), &linear.stored, linear.packed.get(), linear.slices.get()}, x, y,
           accumulate ? 1.0F : 0.0F);
  if (!linear.bias.empty()) add_bias(y, linear.bias);
}

void LinearProduct::apply_rows(const TensorView& weights, std::int64_t first, const Input& x, MatrixView<float> y) {
  const TensorView block = row_block(weights, first, y.cols);
  multiply({{}, &block}, x, y, 0.0F);
}

// Rows of input by weights read where they are. False: there are too many, or no kernel does so.
bool LinearProduct::Weights::multiply_in_place(MatrixView<const float> x, MatrixView<float> y, float beta) const {
  if (y.rows > most_rows_in_place(dtype())) return false;
  if (owned.data != nullptr) {
    kernels::gemv_batch(owned, x, y, 1.0F, beta);
  } else if (slices != nullptr) {
    kernels::sliced_gemv_batch(*slices, x, y, 1.0F, beta);
  } else if (packed != nullptr) {
    kernels::packed_gemv_batch(packed->rows(), x, y, 1.0F, beta);
  } else if (readable_in_place(*stored, DType::bf16)) {
    kernels::gemv_batch_bf16(as_matrix<std::uint16_t>(*stored), x, y, 1.0F, beta);
  } else if (readable_in_place(*stored, DType::f16)) {
    kernels::gemv_batch_f16(as_matrix<std::uint16_t>(*stored), x, y, 1.0F, beta);
  } else if (readable_in_place(*stored, DType::f32)) {
    kernels::gemv_batch(as_matrix<float>(*stored), x, y, 1.0F, beta);
  } else {
    return false;
  }
  return true;
}

DType LinearProduct::Weights::dtype() const {
  if (owned.data != nullptr) return DType::f32;
  return packed != nullptr ? packed->plan().dtype : stored->dtype;
}

void LinearProduct::multiply(const Weights& weights, const Input& x, MatrixView<float> y, float beta) {
  if (compute_ == Compute::bf16) return kernels::gemm_nt_bf16(x.bf16, narrow(weights), y, beta);
  if (weights.multiply_in_place(x.f32, y, beta)) return;
  kernels::gemm_nt(x.f32, widen(weights), y, 1.0F, beta);
}

MatrixView<const float> LinearProduct::widen(const Weights& weights) {
  if (weights.owned.data != nullptr) return weights.owned;
  if (weights.packed != nullptr) {
    const auto packed = weights.packed->rows();
    reserve(widened_, packed.rows * packed.cols);
    kernels::expand_rows_f32(packed, 0, packed.rows, widened_.data());
    return {widened_.data(), packed.rows, packed.cols};
  }
  const TensorView& stored = *weights.stored;
  if (readable_in_place(stored, DType::f32)) return as_matrix<float>(stored);
  reserve(widened_, stored.numel());
  kernels::to_f32(stored, widened_.data());
  return {widened_.data(), stored.shape[0], stored.shape[1]};
}

MatrixView<const std::uint16_t> LinearProduct::narrow(const Weights& weights) {
  if (weights.owned.data == nullptr && weights.packed != nullptr && weights.packed->plan().dtype == DType::bf16) {
    const auto packed = weights.packed->rows();
    reserve(rounded_weights_, packed.rows * packed.cols);
    kernels::expand_rows(packed, 0, packed.rows, reinterpret_cast<std::byte*>(rounded_weights_.data()));
    return {rounded_weights_.data(), packed.rows, packed.cols};
  }
  const bool direct =
      weights.owned.data == nullptr && weights.packed == nullptr && readable_in_place(*weights.stored, DType::bf16);
  return direct ? as_matrix<std::uint16_t>(*weights.stored) : round(widen(weights), rounded_weights_);
}

MatrixView<const std::uint16_t> LinearProduct::round(MatrixView<const float> weights,
                                                     AlignedBuffer<std::uint16_t>& buffer) {
  reserve(buffer, weights.numel());
  if (weights.row_stride == weights.cols) {
    kernels::from_f32(weights.data, weights.numel(), DType::bf16, reinterpret_cast<std::byte*>(buffer.data()));
  } else {
    for (std::int64_t r = 0; r < weights.rows; ++r) {
      kernels::from_f32(weights.row(r), weights.cols, DType::bf16,
                        reinterpret_cast<std::byte*>(buffer.data() + r * weights.cols));
    }
  }
  return {buffer.data(), weights.rows, weights.cols};
}

}  // namespace lacuna
