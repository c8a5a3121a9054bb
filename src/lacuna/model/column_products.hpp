// Products that read only the columns whose inputs exceed a linear's threshold, and a count of what thresholds skip.
//
//   ColumnProducts products;
//   if (!products.multiply(x, targets)) …                // by GEMM, with the small inputs as 0; then count()
//
// Errors   out_of_memory. Threads: parallel inside; one call at a time per object.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "lacuna/core/tensor.hpp"
#include "lacuna/kernels/activation/activation.hpp"
#include "lacuna/model/layer.hpp"

namespace lacuna {

class ColumnProducts {
 public:
  static constexpr std::int64_t kMostRows = 8;  // above, columns active for any row are nearly all of them

  struct Target {
    const Linear* linear = nullptr;
    MatrixView<float> y;
    bool accumulate = false;
  };

  // All targets of one input at once, with their biases; false, and nothing done, where one has no columns (layer.hpp)
  // or x has more than kMostRows rows. Counts what it skips.
  bool multiply(MatrixView<const float> x, std::span<const Target> targets);

  struct GatedTarget {
    const Linear* gate = nullptr;
    const Linear* up = nullptr;
    kernels::Activation activation = kernels::Activation::silu;
    MatrixView<float> y;
    MatrixView<float> scratch;  // as large as y
  };

  // y ← f(gate·x) · up·x, with their biases; false, and nothing done, as above.
  bool multiply_gated(MatrixView<const float> x, const GatedTarget& target);

  // A product of `rows` rows of weights with inputs of `size` elements, of which `zeros` fell below the threshold.
  void count(std::int64_t zeros, std::int64_t size, std::int64_t rows);

  // Share of the weights that met a 0 in thresholded inputs, over all products so far; nullopt: none had a threshold.
  std::optional<double> skipped_weights() const;

 private:
  void count_skipped(MatrixView<const float> x, std::span<const Target> targets);

  double skipped_ = 0.0;   // products of a weight and a thresholded 0
  double products_ = 0.0;  // all products of linears with a threshold
};

}  // namespace lacuna
