// The specification of kernels/obs: row by row, column by column.

#include <cmath>

#include "lacuna/kernels/obs/rows.hpp"

namespace lacuna::kernels::obs {
namespace {

float score_of(float weight, float diagonal) { return (weight * weight) / (diagonal * diagonal); }

void scores(MatrixView<const float> weights, const float* diagonal, MatrixView<float> out) {
  for (std::int64_t r = 0; r < weights.rows; ++r) {
    for (std::int64_t j = 0; j < weights.cols; ++j) out(r, j) = score_of(weights(r, j), diagonal[j]);
  }
}

// Marks the n lowest of the m scores of `weights` that start at column i.
void choose_group(const float* weights, MatrixView<const float> u, std::int64_t i, const Rule& rule, float* gone) {
  for (std::int64_t a = i; a < i + rule.m; ++a) {
    const float own = score_of(weights[a], u(a, a));
    int before = 0;
    for (std::int64_t b = i; b < i + rule.m; ++b) {
      const float other = score_of(weights[b], u(b, b));
      before += b < a ? (other <= own ? 1 : 0) : (other < own ? 1 : 0);
    }
    gone[a] = before < rule.n ? 1.0F : 0.0F;
  }
}

ObsEnergy prune_row(float* weights, float* change, MatrixView<const float> u, const Rule& rule, float* gone) {
  const std::int64_t b = u.cols;
  ObsEnergy energy;
  if (rule.m == 0) {
    for (std::int64_t j = 0; j < b; ++j) gone[j] = score_of(weights[j], u(j, j)) <= rule.threshold ? 1.0F : 0.0F;
  }
  for (std::int64_t i = 0; i < b; ++i) {
    if (rule.m != 0 && i % rule.m == 0) choose_group(weights, u, i, rule, gone);
    const float error = gone[i] != 0.0F ? weights[i] / u(i, i) : 0.0F;
    for (std::int64_t j = i + 1; j < b; ++j) weights[j] = std::fma(-error, u(i, j), weights[j]);
    if (gone[i] != 0.0F) weights[i] = 0.0F;
    energy.error += static_cast<double>(error) * static_cast<double>(error);
  }
  for (std::int64_t j = 0; j < b; ++j) {
    change[j] -= weights[j];
    energy.change += static_cast<double>(change[j]) * static_cast<double>(change[j]);
  }
  return energy;
}

ObsEnergy prune(MatrixView<float> weights, MatrixView<float> change, MatrixView<const float> u, const Rule& rule,
                float* scratch) {
  ObsEnergy energy;
  for (std::int64_t r = 0; r < weights.rows; ++r) {
    const auto row = prune_row(weights.row(r), change.row(r), u, rule, scratch);
    energy.error += row.error;
    energy.change += row.change;
  }
  return energy;
}

}  // namespace

RowOps scalar_ops() { return {scores, prune}; }

}  // namespace lacuna::kernels::obs
