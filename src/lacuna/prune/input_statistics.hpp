// What the inputs of one linear look like over the calibration set: column norms, or the Gram matrix.
//
// One accumulator serves every linear that reads the same input (q, k and v; gate and up). The reference code keeps
// running means over sequences, s ← s·n/(n+1) + ‖x_col‖²/(n+1) and H ← H·n/(n+1) + 2/(n+1)·XᵀX; here the plain sums are
// kept and divided once, which is the same value with fewer roundings:
//
//   square_norms()   s = Σ ‖x_col‖² / n              (Wanda; summed in f64, so exact to the last f32 bit in practice)
//   gram_sum()       Σ XᵀX                           (f32; upper triangle with the diagonal, below it undefined)
//   gram_scale()     2 / n, so that H = gram_scale · gram_sum   (SparseGPT)
//
// n counts sequences, not tokens. A Gram accumulator keeps the f64 norms too, though its diagonal is 2·s up to f32
// rounding: so a method gets the same bits from either kind, and runs of several methods equal runs of each alone.
//
// Cost     column_norms: one read of X. gram: t·c² flop by products of tiles (kernels/gram), c² floats of memory;
//          several sequences in one call (add_sequences) are one product, which is faster when they are short.
// Accuracy deterministic for the same calls and thread count; the norms for any thread count.
// Threads  one caller at a time; parallel inside.
// Errors   Error{shape_mismatch}: X's width. NaN and infinity are let in and found by whoever uses the result.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/tensor.hpp"
#include "lacuna/prune/method.hpp"

namespace lacuna {

class InputStatistics {
 public:
  InputStatistics(StatisticsNeed need, std::int64_t columns);

  void add_sequence(MatrixView<const float> x) { add_sequences(x, 1); }     // x: tokens×columns
  void add_sequences(MatrixView<const float> x, std::int64_t n_sequences);  // x: their tokens, one below the other

  StatisticsNeed need() const { return need_; }
  std::int64_t columns() const { return columns_; }
  std::int64_t sequences() const { return sequences_; }
  std::vector<float> square_norms() const;
  MatrixView<const float> gram_sum() const { return gram_.view(); }  // 0×0 unless need() is gram
  double gram_scale() const;
  std::uint64_t state() const { return state_; }  // differs between any two objects and after every add

 private:
  StatisticsNeed need_;
  std::int64_t columns_;
  std::int64_t sequences_ = 0;
  std::uint64_t state_;
  std::vector<double> square_sums_;
  Matrix<float> gram_;
};

}  // namespace lacuna
