#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/threshold/threshold.hpp"
#include "lacuna/prune/builtin_methods.hpp"

namespace lacuna::prune {

void check_weights(MatrixView<const float> weights, const SparsityTarget& target) {
  if (target.structured()) {
    n_of_m(target.n, target.m);
    if (weights.cols % target.m != 0) {
      throw Error(ErrorCode::bad_pattern, fmt::format("pattern {}: expected a multiple of {} columns, got {}",
                                                      target.label(), target.m, weights.cols));
    }
  } else {
    unstructured(target.sparsity);
  }
  if (!kernels::all_finite(weights)) {
    throw Error(ErrorCode::not_finite,
                fmt::format("a weight of the {}×{} matrix is NaN or infinite", weights.rows, weights.cols));
  }
}

const InputStatistics& check_statistics(const InputStatistics* statistics, StatisticsNeed need, std::int64_t columns) {
  if (statistics == nullptr || statistics->need() < need) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("input statistics: expected {}, got {}",
                            need == StatisticsNeed::gram ? "a Gram matrix" : "column norms",
                            statistics == nullptr ? "none" : "less"));
  }
  if (statistics->columns() != columns) {
    throw Error(ErrorCode::shape_mismatch,
                fmt::format("input statistics are of {} columns, the weights have {}", statistics->columns(), columns));
  }
  return *statistics;
}

std::vector<float> checked_square_norms(const InputStatistics& statistics) {
  auto norms = statistics.square_norms();
  const auto bad = std::find_if(norms.begin(), norms.end(), [](float s) { return !std::isfinite(s); });
  if (bad != norms.end()) {
    throw Error(ErrorCode::not_finite, fmt::format("calibration input column {} of {} is NaN, infinite or overflows",
                                                   bad - norms.begin(), norms.size()));
  }
  return norms;
}

std::int64_t truncated_share(std::int64_t n, double ratio) {
  const auto share = static_cast<std::int64_t>(static_cast<double>(n) * ratio);
  return std::clamp<std::int64_t>(share, 0, std::max<std::int64_t>(n - 1, 0));
}

double zero_share(MatrixView<const float> weights) {
  if (weights.numel() == 0) return 0.0;
  return static_cast<double>(kernels::count_zeros(weights)) / static_cast<double>(weights.numel());
}

}  // namespace lacuna::prune
