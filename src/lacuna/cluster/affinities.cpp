#include "lacuna/cluster/affinities.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

struct Entry {
  std::int32_t column;
  double p;
};

// The nearest other points of i, ties by index.
std::vector<std::int32_t> nearest(const PointGram& points, std::int64_t i, std::int64_t neighbours) {
  std::vector<std::int32_t> others;
  for (std::int64_t j = 0; j < points.count(); ++j) {
    if (j != i) others.push_back(static_cast<std::int32_t>(j));
  }
  if (neighbours < static_cast<std::int64_t>(others.size())) {
    const auto nearer = [&](std::int32_t a, std::int32_t b) {
      const double da = points.distance(i, a);
      const double db = points.distance(i, b);
      return da != db ? da < db : a < b;
    };
    std::nth_element(others.begin(), others.begin() + neighbours, others.end(), nearer);
    others.resize(static_cast<std::size_t>(neighbours));
    std::sort(others.begin(), others.end());
  }
  return others;
}

// p[j|i] with the entropy asked for, by bisection on the precision β.
std::vector<Entry> conditional(const PointGram& points, std::int64_t i, double perplexity, std::int64_t neighbours) {
  std::vector<Entry> entries;
  std::vector<double> distances;
  for (const auto j : nearest(points, i, neighbours)) {
    entries.push_back({j, 0.0});
    distances.push_back(points.distance(i, j));
  }
  const double least = *std::min_element(distances.begin(), distances.end());
  const double mean = std::accumulate(distances.begin(), distances.end(), 0.0) / static_cast<double>(distances.size());
  const double target = std::log(perplexity);
  double low = 0.0;
  double high = std::numeric_limits<double>::infinity();
  double beta = 1.0 / std::max(mean - least, 1e-12 * std::max(mean, 1.0));
  constexpr int kSteps = 200;
  for (int step = 0; step < kSteps; ++step) {
    double sum = 0.0;
    double weighted = 0.0;
    for (std::size_t e = 0; e < entries.size(); ++e) {
      entries[e].p = std::exp(-beta * (distances[e] - least));
      sum += entries[e].p;
      weighted += entries[e].p * (distances[e] - least);
    }
    for (auto& entry : entries) entry.p /= sum;
    const double excess = std::log(sum) + beta * weighted / sum - target;  // of the entropy
    if (std::abs(excess) < 1e-10) break;
    (excess > 0.0 ? low : high) = beta;
    beta = std::isinf(high) ? 2.0 * beta : 0.5 * (low + high);
  }
  return entries;
}

}  // namespace

Affinities make_affinities(const PointGram& points, double perplexity, std::int64_t neighbours) {
  const auto n = points.count();
  std::vector<std::vector<Entry>> rows(static_cast<std::size_t>(n));
  parallel_for(n, 8, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i)
      rows[static_cast<std::size_t>(i)] = conditional(points, i, perplexity, neighbours);
  });
  std::vector<std::vector<Entry>> both(rows);
  for (std::int64_t i = 0; i < n; ++i) {
    for (const auto& entry : rows[static_cast<std::size_t>(i)])
      both[static_cast<std::size_t>(entry.column)].push_back({static_cast<std::int32_t>(i), entry.p});
  }
  Affinities result;
  result.begin.push_back(0);
  for (auto& row : both) {
    std::stable_sort(row.begin(), row.end(), [](const Entry& a, const Entry& b) { return a.column < b.column; });
    for (const auto& entry : row) {
      const double p = entry.p / (2.0 * static_cast<double>(n));
      const bool again =
          static_cast<std::int64_t>(result.column.size()) > result.begin.back() && result.column.back() == entry.column;
      if (again) {
        result.p.back() += p;
      } else {
        result.column.push_back(entry.column);
        result.p.push_back(p);
      }
    }
    result.begin.push_back(static_cast<std::int64_t>(result.column.size()));
  }
  return result;
}

}  // namespace lacuna
