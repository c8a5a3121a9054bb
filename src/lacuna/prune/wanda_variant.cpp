#include "lacuna/prune/wanda_variant.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna::prune {
namespace {

float score_of(float weight, float scale) { return std::fabs(weight) * scale; }

// Every row's scores, ascending.
Matrix<float> sorted_scores(MatrixView<const float> weights, std::span<const float> scales) {
  Matrix<float> sorted(weights.rows, weights.cols);
  parallel_for(weights.rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      float* row = sorted.view().row(r);
      for (std::int64_t c = 0; c < weights.cols; ++c) {
        row[c] = score_of(weights(r, c), scales[static_cast<std::size_t>(c)]);
      }
      std::sort(row, row + weights.cols);
    }
  });
  return sorted;
}

// The row's threshold at α, or −1 where nothing goes. row is ascending.
float row_threshold(const float* row, std::int64_t cols, float alpha) {
  double total = 0.0;
  for (std::int64_t c = 0; c < cols; ++c) total += static_cast<double>(row[c]);
  const float limit = static_cast<float>(total) * alpha;
  double running = 0.0;
  std::int64_t within = 0;
  for (; within < cols; ++within) {
    running += static_cast<double>(row[within]);
    if (static_cast<float>(running) > limit) break;
  }
  return within == 0 ? -1.0F : row[within - 1];
}

struct Thresholds {
  std::vector<float> of_row;
  double sparsity = 0.0;
};

Thresholds thresholds_at(const Matrix<float>& sorted, double alpha) {
  Thresholds thresholds;
  const auto rows = sorted.rows();
  const auto cols = sorted.cols();
  thresholds.of_row.resize(static_cast<std::size_t>(rows));
  std::vector<std::int64_t> pruned(static_cast<std::size_t>(rows));
  parallel_for(rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      const float* row = sorted.view().row(r);
      const float threshold = row_threshold(row, cols, static_cast<float>(alpha));
      thresholds.of_row[static_cast<std::size_t>(r)] = threshold;
      pruned[static_cast<std::size_t>(r)] = std::upper_bound(row, row + cols, threshold) - row;
    }
  });
  std::int64_t total = 0;
  for (const auto n : pruned) total += n;
  thresholds.sparsity = static_cast<double>(total) / static_cast<double>(rows * cols);
  return thresholds;
}

kernels::ScoreEnergy zero_rows(MatrixView<float> weights, std::span<const float> scales,
                               const std::vector<float>& cut) {
  std::vector<kernels::ScoreEnergy> energies(static_cast<std::size_t>(weights.rows));
  parallel_for(weights.rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      auto& energy = energies[static_cast<std::size_t>(r)];
      for (std::int64_t c = 0; c < weights.cols; ++c) {
        const float score = score_of(weights(r, c), scales[static_cast<std::size_t>(c)]);
        const double square = static_cast<double>(score) * static_cast<double>(score);
        energy.total += square;
        if (score > cut[static_cast<std::size_t>(r)]) continue;
        energy.zeroed += square;
        weights(r, c) = 0.0F;
      }
    }
  });
  kernels::ScoreEnergy sum;
  for (const auto& energy : energies) {
    sum.zeroed += energy.zeroed;
    sum.total += energy.total;
  }
  return sum;
}

}  // namespace

VariantResult zero_by_cumulative_score(MatrixView<float> weights, std::span<const float> scales, double sparsity,
                                       const RunContext& context) {
  const auto sorted = sorted_scores(weights, scales);
  double alpha = 0.4;
  double low = 0.0;
  double high = 0.8;
  auto thresholds = thresholds_at(sorted, alpha);
  while (std::abs(thresholds.sparsity - sparsity) > 0.001 && high - low >= 0.001) {
    context.check_stop();
    const bool too_many = thresholds.sparsity > sparsity;
    (too_many ? high : low) = alpha;
    alpha = (low + high) / 2.0;
    thresholds = thresholds_at(sorted, alpha);
  }
  VariantResult result;
  result.energy = zero_rows(weights, scales, thresholds.of_row);
  result.alpha = alpha;
  return result;
}

}  // namespace lacuna::prune
