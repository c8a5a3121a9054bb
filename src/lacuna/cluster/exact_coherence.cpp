#include "lacuna/cluster/exact_coherence.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "lacuna/cluster/zero_rows.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

constexpr double kNegligible = 1e-18;

// Non-zeros of the features of each block.
std::vector<std::vector<std::uint32_t>> counts_of(const FeaturePatterns& patterns, std::span<const std::int64_t> order,
                                                  std::int64_t block) {
  std::vector<std::vector<std::uint32_t>> blocks;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (static_cast<std::int64_t>(i) % block == 0) blocks.emplace_back();
    blocks.back().push_back(patterns.ones()[static_cast<std::size_t>(order[i])]);
  }
  return blocks;
}

// Probabilities of first, first + 1, …; those that are negligible at both ends left out.
struct Distribution {
  std::int64_t first = 0;
  std::vector<double> chance;

  void trim() {
    const auto likely = [](double p) { return p > kNegligible; };
    const auto begin = std::ranges::find_if(chance, likely);
    first += begin - chance.begin();
    chance.erase(chance.begin(), begin);
    while (!chance.empty() && !likely(chance.back())) chance.pop_back();
  }
};

Distribution sum_of(const Distribution& a, const Distribution& b) {
  Distribution sum{a.first + b.first, std::vector<double>(a.chance.size() + b.chance.size() - 1)};
  for (std::size_t i = 0; i < a.chance.size(); ++i) {
    for (std::size_t j = 0; j < b.chance.size(); ++j) sum.chance[i + j] += a.chance[i] * b.chance[j];
  }
  sum.trim();
  return sum;
}

double tail(std::int64_t rows, const std::vector<std::vector<std::uint32_t>>& blocks, std::int64_t observed) {
  std::vector<Distribution> each(blocks.size());
  parallel_for(static_cast<std::int64_t>(blocks.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto g = begin; g < end; ++g) {
      auto& distribution = each[static_cast<std::size_t>(g)];
      distribution.chance = zero_row_distribution(rows, blocks[static_cast<std::size_t>(g)]);
      distribution.trim();
    }
  });
  Distribution sum{0, {1.0}};
  for (const auto& distribution : each) sum = sum_of(sum, distribution);
  const auto below = std::clamp<std::int64_t>(observed - sum.first, 0, static_cast<std::int64_t>(sum.chance.size()));
  const double p = std::accumulate(sum.chance.rbegin(), sum.chance.rend() - below, 0.0);  // the smallest first
  return std::min(p, 1.0);
}

}  // namespace

ExactCoherence exact_coherence(const FeaturePatterns& patterns, std::span<const std::int64_t> order,
                               std::int64_t block) {
  const auto coherence = block_coherence(patterns, order, block);
  const auto blocks = counts_of(patterns, order, block);
  const auto rows_of_blocks = static_cast<double>(blocks.size()) * static_cast<double>(patterns.rows());
  ExactCoherence exact;
  if (rows_of_blocks == 0.0) return exact;
  double variance = 0.0;
  for (const auto& ones : blocks) {
    const auto moments = zero_row_moments(patterns.rows(), ones);
    exact.mean += moments.mean / rows_of_blocks;
    variance += moments.variance;
  }
  exact.std = std::sqrt(variance) / rows_of_blocks;
  if (exact.std > 0.0) exact.z = (coherence.mean - exact.mean) / exact.std;
  if (rows_of_blocks <= static_cast<double>(kMaxExactRows))
    exact.p = tail(patterns.rows(), blocks, std::llround(coherence.mean * rows_of_blocks));
  return exact;
}

}  // namespace lacuna
