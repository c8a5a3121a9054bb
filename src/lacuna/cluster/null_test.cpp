#include "lacuna/cluster/null_test.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kSmallMaskWords = std::int64_t{1}
                                         << 17;  // 1 MiB: a few of them fit into the caches beside each other

std::vector<std::size_t> ascending(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  return order;
}

}  // namespace

std::vector<std::vector<double>> draw_null(const BitMatrix& features, const NullOptions& options,
                                           const Procedure& procedure, const RunContext& context) {
  if (options.draws < 1) {
    throw Error(ErrorCode::invalid_argument, fmt::format("null draws: expected at least 1, got {}", options.draws));
  }
  const NullSampler sampler(features, options.model, options.m, options.seed);
  const bool small = features.rows() * features.row_words() <= kSmallMaskWords;
  const std::int64_t slab = small ? std::max<std::int64_t>(4 * thread_count(), options.draws / 50) : 1;
  std::vector<std::vector<double>> drawn(static_cast<std::size_t>(options.draws));
  for (std::int64_t begin = 0; begin < options.draws; begin += slab) {
    const std::int64_t end = std::min(options.draws, begin + slab);
    parallel_for(end - begin, small ? 1 : end - begin, [&](std::int64_t from, std::int64_t to) {
      for (auto i = begin + from; i < begin + to; ++i) {
        context.check_stop();
        const auto seed = derived_seed(options.seed, static_cast<std::uint64_t>(i));
        drawn[static_cast<std::size_t>(i)] = procedure(FeaturePatterns(sampler.draw(i)), seed);
      }
    });
    context.report({"null draws", "", "draws", static_cast<std::uint64_t>(end),
                    static_cast<std::uint64_t>(options.draws),
                    static_cast<double>(end) / static_cast<double>(options.draws)});
  }
  std::vector<std::vector<double>> by_statistic(drawn[0].size());
  for (const auto& draw : drawn) {
    for (std::size_t s = 0; s < by_statistic.size(); ++s) by_statistic[s].push_back(draw.at(s));
  }
  return by_statistic;
}

NullTest test_against_null(double observed, std::span<const double> drawn, Tail tail) {
  NullTest test;
  test.draws = static_cast<std::int64_t>(drawn.size());
  if (drawn.empty()) return test;
  const auto n = static_cast<double>(drawn.size());
  std::int64_t above = 1;  // itself
  std::int64_t below = 1;
  for (const double value : drawn) {
    test.mean += value / n;
    above += value >= observed ? 1 : 0;
    below += value <= observed ? 1 : 0;
  }
  double squares = 0.0;
  for (const double value : drawn) squares += (value - test.mean) * (value - test.mean);
  const auto [low, high] = std::minmax_element(drawn.begin(), drawn.end());
  if (*low != *high) {
    test.std = std::sqrt(squares / (n - 1.0));
    test.z = (observed - test.mean) / test.std;
  } else {
    test.mean = *low;  // without the rounding of the sum
  }
  const std::int64_t both = std::min(test.draws + 1, 2 * std::min(above, below));
  const std::int64_t as_extreme = tail == Tail::greater ? above : (tail == Tail::less ? below : both);
  test.p = static_cast<double>(as_extreme) / (1.0 + n);
  return test;
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<double> adjusted(p.size());
  double floor = 0.0;
  const auto order = ascending(p);
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    floor = std::max(floor, std::min(1.0, p[order[rank]] * static_cast<double>(p.size() - rank)));
    adjusted[order[rank]] = floor;
  }
  return adjusted;
}

std::vector<double> benjamini_hochberg(std::span<const double> p) {
  std::vector<double> adjusted(p.size());
  double ceiling = 1.0;
  const auto order = ascending(p);
  for (std::size_t rank = order.size(); rank > 0; --rank) {
    ceiling = std::min(ceiling, p[order[rank - 1]] * static_cast<double>(p.size()) / static_cast<double>(rank));
    adjusted[order[rank - 1]] = ceiling;
  }
  return adjusted;
}

}  // namespace lacuna
