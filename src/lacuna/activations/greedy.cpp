#include "lacuna/activations/greedy.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

void check(std::span<const std::int64_t> sizes, double step, double target) {
  if (sizes.empty()) throw Error(ErrorCode::invalid_argument, "greedy allocation: expected at least one linear");
  for (const auto size : sizes) {
    if (size < 1) throw Error(ErrorCode::invalid_argument, fmt::format("greedy allocation: a linear of size {}", size));
  }
  if (!(step > 0.0 && step < 1.0) || !(target > 0.0 && target < 1.0)) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("greedy allocation: expected step and target in (0, 1), got {} and {}", step, target));
  }
}

double effective_sparsity(std::span<const std::int64_t> sizes, std::span<const double> sparsities) {
  double dropped = 0.0;
  double total = 0.0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    dropped += sparsities[i] * static_cast<double>(sizes[i]);
    total += static_cast<double>(sizes[i]);
  }
  return dropped / total;
}

}  // namespace

std::vector<GreedyStep> allocate_greedily(std::span<const std::int64_t> sizes, double step, double target,
                                          const BlockError& error) {
  check(sizes, step, target);
  std::vector<GreedyStep> path(1);
  path.back().sparsities.assign(sizes.size(), 0.0);
  while (path.back().effective < target) {
    const GreedyStep& now = path.back();
    GreedyStep best;
    best.error = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      auto trial = now.sparsities;
      trial[i] += step * static_cast<double>(sizes[0]) / static_cast<double>(sizes[i]);
      if (trial[i] > 1.0) continue;
      const double harm = error(trial);
      if (harm < best.error) best = {std::move(trial), 0.0, harm};
    }
    if (best.sparsities.empty()) break;  // every linear is at its limit
    best.effective = effective_sparsity(sizes, best.sparsities);
    path.push_back(std::move(best));
  }
  return path;
}

const GreedyStep& closest_step(std::span<const GreedyStep> path, double sparsity) {
  const GreedyStep* closest = &path.front();
  for (const auto& step : path) {
    if (std::abs(step.effective - sparsity) < std::abs(closest->effective - sparsity)) closest = &step;
  }
  return *closest;
}

}  // namespace lacuna
