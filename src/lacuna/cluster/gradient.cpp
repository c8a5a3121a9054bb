#include "lacuna/cluster/gradient.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "lacuna/cluster/neighbours.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"

namespace lacuna {

Gradient coactivation_gradient(const FeaturePatterns& patterns, std::int64_t feature, std::int64_t n,
                               std::uint64_t seed) {
  require_feature(patterns, feature);
  if (n < 0 || n >= patterns.count()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("number of other features: expected 0 to {}, got {}", patterns.count() - 1, n));
  }
  std::vector<std::int64_t> features(static_cast<std::size_t>(patterns.count()));
  std::iota(features.begin(), features.end(), 0);
  std::swap(features[0], features[static_cast<std::size_t>(feature)]);
  Random random(seed);
  for (std::int64_t i = 1; i <= n; ++i) {  // the first n of a Fisher-Yates shuffle of the others
    const auto other = i + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(patterns.count() - i)));
    std::swap(features[static_cast<std::size_t>(i)], features[static_cast<std::size_t>(other)]);
  }
  features.resize(static_cast<std::size_t>(n + 1));
  const auto distances = distances_to(patterns, feature);
  const auto distance = [&](std::int64_t j) { return distances[static_cast<std::size_t>(j)]; };
  std::stable_sort(features.begin() + 1, features.end(),
                   [&](std::int64_t a, std::int64_t b) { return distance(a) < distance(b); });
  Gradient result{feature, std::move(features), {}};
  for (const auto j : result.indices) result.distances.push_back(distance(j));
  return result;
}

BitMatrix patterns_of(const FeaturePatterns& patterns, const std::vector<std::int64_t>& features) {
  BitMatrix rows(static_cast<std::int64_t>(features.size()), patterns.rows());
  for (std::size_t i = 0; i < features.size(); ++i) {
    require_feature(patterns, features[i]);
    const std::uint64_t* from = patterns.bits().row(features[i]);
    std::copy(from, from + rows.row_words(), rows.row(static_cast<std::int64_t>(i)));
  }
  return rows;
}

}  // namespace lacuna
