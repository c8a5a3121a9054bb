#include "lacuna/cluster/zero_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

constexpr double kNegligible = 1e-18;

void require_counts(std::int64_t rows, std::span<const std::uint32_t> ones) {
  for (const auto k : ones) {
    if (static_cast<std::int64_t>(k) > rows) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("non-zeros of a feature: expected at most {} rows, got {}", rows, k));
    }
  }
}

// Hypergeometric(rows, marked, k) from its mode outwards by ratios of neighbours, normalised: no factorials, whose
// logarithms would lose digits. Adds `weight` times the probability of h hits to next[marked − h].
void spread(double weight, std::int64_t rows, std::int64_t marked, std::int64_t k, std::vector<double>& next,
            std::vector<double>& scratch) {
  const std::int64_t low = std::max<std::int64_t>(0, marked + k - rows);
  const std::int64_t high = std::min(marked, k);
  const auto mode = std::clamp((marked + 1) * (k + 1) / (rows + 2), low, high);
  const auto ratio = [&](std::int64_t h) {  // P(h + 1) / P(h)
    return static_cast<double>(marked - h) * static_cast<double>(k - h) /
           (static_cast<double>(h + 1) * static_cast<double>(rows - marked - k + h + 1));
  };
  std::int64_t first = mode;
  std::int64_t last = mode;
  scratch[static_cast<std::size_t>(mode)] = 1.0;
  double sum = 1.0;
  for (double p = 1.0; first > low && p > kNegligible; sum += p) {
    p /= ratio(--first);
    scratch[static_cast<std::size_t>(first)] = p;
  }
  for (double p = 1.0; last < high && p > kNegligible; sum += p) {
    p *= ratio(last++);
    scratch[static_cast<std::size_t>(last)] = p;
  }
  for (auto h = first; h <= last; ++h) {
    next[static_cast<std::size_t>(marked - h)] += weight * scratch[static_cast<std::size_t>(h)] / sum;
  }
}

}  // namespace

ZeroRowMoments zero_row_moments(std::int64_t rows, std::span<const std::uint32_t> ones) {
  require_counts(rows, ones);
  const auto r = static_cast<double>(rows);
  double mean = r;
  double pairs = r * (r - 1.0);
  for (const auto k : ones) {
    const double zeros = r - static_cast<double>(k);
    mean *= rows == 0 ? 0.0 : zeros / r;
    pairs *= rows < 2 ? 0.0 : zeros * (zeros - 1.0) / (r * (r - 1.0));
  }
  return {mean, std::max(0.0, pairs + mean - mean * mean)};
}

std::vector<double> zero_row_distribution(std::int64_t rows, std::span<const std::uint32_t> ones) {
  require_counts(rows, ones);
  std::vector<double> chance(static_cast<std::size_t>(rows) + 1);
  std::vector<double> scratch(chance.size());
  chance.back() = 1.0;
  for (const std::int64_t k : ones) {
    std::vector<double> next(chance.size());
    for (std::int64_t z = 0; z <= rows; ++z) {
      const double before = chance[static_cast<std::size_t>(z)];
      if (before > kNegligible) spread(before, rows, z, k, next, scratch);
    }
    chance = std::move(next);
  }
  return chance;
}

}  // namespace lacuna
