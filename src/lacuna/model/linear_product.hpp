// y = x·Wᵀ + b for linears however they are held (layer.hpp) and in either arithmetic.
//
// prepare() rounds an input to bf16 once for all linears that read it; for f32 it is free. Mapped weights are widened,
// packed ones expanded, and f32 weights rounded, into scratch memory as they are used: about 1 % of a product over
// 2,048 rows. Up to 16 rows by mapped f16 or bf16 weights, or by packed ones, and up to 4 by f32 read them directly;
// packed and dense weights then give the same bits, unless the packed ones are so few that slices are used
// (kernels/packed_gemv), and every row gets those that it gets alone.
//
// Threads  parallel inside; one call at a time per object. A prepared input is valid until the next prepare().
// Errors   invalid_argument: bf16 on a processor without it, when constructed; out_of_memory.
#pragma once

#include <cstdint>
#include <string_view>

#include "lacuna/core/buffer.hpp"
#include "lacuna/model/layer.hpp"

namespace lacuna {

enum class Compute : std::uint8_t { f32, bf16 };
Compute parse_compute(std::string_view name);  // "f32", "bf16"; throws Error{invalid_argument}
std::string_view compute_name(Compute compute);

class LinearProduct {
 public:
  explicit LinearProduct(Compute compute);

  struct Input {
    MatrixView<const float> f32;
    MatrixView<const std::uint16_t> bf16;  // empty for f32 compute

    Input rows(std::int64_t first, std::int64_t count) const;
  };
  Input prepare(MatrixView<const float> x);
  void apply(const Linear& linear, const Input& x, MatrixView<float> y, bool accumulate);  // accumulate: y += …

  // The same for a bare weight matrix of any type: rows [first, first + y.cols) of `weights`, no bias.
  void apply_rows(const TensorView& weights, std::int64_t first, const Input& x, MatrixView<float> y);

  Compute compute() const { return compute_; }

 private:
  // Weights in one of the forms of a Linear.
  struct Weights {
    MatrixView<const float> owned;
    const TensorView* stored = nullptr;
    const PackedMatrix* packed = nullptr;
    const kernels::SlicedRows* slices = nullptr;

    DType dtype() const;
    bool multiply_in_place(MatrixView<const float> x, MatrixView<float> y, float beta) const;
  };
  void multiply(const Weights& weights, const Input& x, MatrixView<float> y, float beta);
  MatrixView<const float> widen(const Weights& weights);
  MatrixView<const std::uint16_t> narrow(const Weights& weights);
  MatrixView<const std::uint16_t> round(MatrixView<const float> weights, AlignedBuffer<std::uint16_t>& buffer);

  Compute compute_;
  AlignedBuffer<float> widened_;  // one linear's weights
  AlignedBuffer<std::uint16_t> rounded_weights_;
  AlignedBuffer<std::uint16_t> rounded_input_;
};

}  // namespace lacuna
