// The specification of kernels/select: a stable sort of each row, or of each group.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "lacuna/kernels/select/row.hpp"

namespace lacuna::kernels::select::scalar {
namespace {

ScoreEnergy zero_first(float* weights, const float* scores, std::int64_t size, std::int64_t k,
                       std::vector<std::int64_t>& order) {
  ScoreEnergy energy;
  order.resize(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [scores](std::int64_t a, std::int64_t b) { return scores[a] < scores[b]; });
  for (std::int64_t i = 0; i < size; ++i) {
    const auto column = order[static_cast<std::size_t>(i)];
    const double square = static_cast<double>(scores[column]) * static_cast<double>(scores[column]);
    energy.total += square;
    if (i >= k) continue;
    energy.zeroed += square;
    weights[column] = 0.0F;
  }
  return energy;
}

void fill_scores(const float* weights, const float* scale, std::int64_t cols, float* scores) {
  for (std::int64_t c = 0; c < cols; ++c) scores[c] = std::fabs(weights[c]) * (scale == nullptr ? 1.0F : scale[c]);
}

}  // namespace

ScoreEnergy zero_k_smallest_row(float* weights, const float* scale, std::int64_t cols, std::int64_t k, float* scratch) {
  fill_scores(weights, scale, cols, scratch);
  std::vector<std::int64_t> order;
  return zero_first(weights, scratch, cols, k, order);
}

ScoreEnergy zero_n_of_m_row(float* weights, const float* scale, std::int64_t cols, int n, int m, float* scratch) {
  fill_scores(weights, scale, cols, scratch);
  ScoreEnergy energy;
  std::vector<std::int64_t> order;
  for (std::int64_t c = 0; c < cols; c += m) {
    const auto group = zero_first(weights + c, scratch + c, m, n, order);
    energy.zeroed += group.zeroed;
    energy.total += group.total;
  }
  return energy;
}

}  // namespace lacuna::kernels::select::scalar
