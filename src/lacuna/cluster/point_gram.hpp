// Inner products of all pairs of points: what k-means, balanced clusters, separation and exact t-SNE need to know.
//
//   G[i,j] = ⟨x_i, x_j⟩       ‖x_i − x_j‖² = G[i,i] + G[j,j] − 2·G[i,j]
//
// Points are patterns (0/1 vectors; G counts common bits and ‖x_i − x_j‖² is the Hamming distance in rows) or rows of
// numbers. Centres are means of points, so every distance to a centre follows from G: an iteration of Lloyd's costs n²
// additions, however many dimensions there are.
//
// Memory   8·n² bytes; n ≤ kMaxPoints.
// Cost     patterns: n²·d/1024 vector steps. Numbers: n²·d/2 multiply-adds in f64.
// Exact    patterns: integers in f64, so sums over clusters are exact in any order. Numbers: each product is one f64
//          sum in a fixed order. Either way the same on every thread count, patterns on every ISA too.
// Errors   Error{limit_exceeded}: more than kMaxPoints; Error{invalid_argument}: a point outside; Error{not_finite}.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lacuna/cluster/feature_patterns.hpp"
#include "lacuna/core/buffer.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna {

class PointGram {
 public:
  static constexpr std::int64_t kMaxPoints = 8192;  // 512 MiB

  static PointGram of_patterns(const BitMatrix& points);     // one point per row
  static PointGram of_rows(MatrixView<const float> points);  // one point per row

  std::int64_t count() const { return products_.rows(); }
  std::int64_t dimensions() const { return dimensions_; }
  const double* row(std::int64_t i) const { return products_.view().row(i); }
  double norm(std::int64_t i) const { return row(i)[i]; }  // squared
  double distance(std::int64_t i, std::int64_t j) const {  // squared; never below 0
    const double d = norm(i) + norm(j) - 2.0 * row(i)[j];
    return d > 0.0 ? d : 0.0;
  }

 private:
  PointGram(Matrix<double> products, std::int64_t dimensions)
      : products_(std::move(products)), dimensions_(dimensions) {}

  Matrix<double> products_;
  std::int64_t dimensions_ = 0;
};

}  // namespace lacuna
