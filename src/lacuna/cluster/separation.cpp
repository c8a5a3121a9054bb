#include "lacuna/cluster/separation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

// Sums over all ordered pairs of points in clusters c and d.
struct ClusterSums {
  int k;
  std::vector<std::int64_t> sizes;
  std::vector<double> products;   // k×k: Σ G[i,j]
  std::vector<double> distances;  // k×k: Σ ‖x_i − x_j‖²

  ClusterSums(const PointGram& points, const Clustering& clustering)
      : k(clustering.k), products(static_cast<std::size_t>(k * k)), distances(products.size()) {
    const auto n = points.count();
    const bool fits = static_cast<std::int64_t>(clustering.labels.size()) == n &&
                      std::all_of(clustering.labels.begin(), clustering.labels.end(),
                                  [&](int label) { return 0 <= label && label < k; });
    if (!fits) throw Error(ErrorCode::invalid_argument, fmt::format("separation: expected {} labels below {}", n, k));
    sizes = cluster_sizes(clustering);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto row = place(clustering.labels[static_cast<std::size_t>(i)], 0);
      for (std::int64_t j = 0; j < n; ++j) {
        const auto at = row + static_cast<std::size_t>(clustering.labels[static_cast<std::size_t>(j)]);
        products[at] += points.row(i)[j];
        distances[at] += points.distance(i, j);
      }
    }
  }
  std::size_t place(int c, int d) const {
    return static_cast<std::size_t>(c) * static_cast<std::size_t>(k) + static_cast<std::size_t>(d);
  }
  double size(int c) const { return static_cast<double>(sizes[static_cast<std::size_t>(c)]); }
  double product(int c, int d) const { return products[place(c, d)] / (size(c) * size(d)); }
  double distance(int c, int d) const { return distances[place(c, d)]; }
};

// Mean of f over all pairs of clusters that hold points.
template <typename F>
double mean_over_pairs(const ClusterSums& sums, F f) {
  double total = 0.0;
  int pairs = 0;
  for (int c = 0; c < sums.k; ++c) {
    for (int d = c + 1; d < sums.k; ++d) {
      if (sums.size(c) == 0.0 || sums.size(d) == 0.0) continue;
      total += f(c, d);
      ++pairs;
    }
  }
  return pairs == 0 ? 0.0 : total / pairs;
}

}  // namespace

Separation hamming_separation(const PointGram& patterns, const Clustering& clustering) {
  const ClusterSums sums(patterns, clustering);
  const auto rows = static_cast<double>(std::max<std::int64_t>(patterns.dimensions(), 1));
  Separation result;
  int clusters = 0;
  for (int c = 0; c < sums.k; ++c) {
    const double size = sums.size(c);
    if (size == 0.0) continue;
    ++clusters;
    if (size > 1.0) result.within += sums.distance(c, c) / (size * (size - 1.0)) / rows;  // ordered pairs, both halves
  }
  if (clusters > 0) result.within /= clusters;
  result.between =
      mean_over_pairs(sums, [&](int c, int d) { return sums.distance(c, d) / (sums.size(c) * sums.size(d)) / rows; });
  return result;
}

Separation euclidean_separation(const PointGram& points, const Clustering& clustering) {
  const ClusterSums sums(points, clustering);
  Separation result;
  for (std::int64_t i = 0; i < points.count(); ++i) {
    const int c = clustering.labels[static_cast<std::size_t>(i)];
    double to_cluster = 0.0;
    for (std::int64_t j = 0; j < points.count(); ++j) {
      if (clustering.labels[static_cast<std::size_t>(j)] == c) to_cluster += points.row(i)[j];
    }
    const double squared = points.norm(i) - 2.0 * to_cluster / sums.size(c) + sums.product(c, c);
    result.within += std::sqrt(std::max(squared, 0.0)) / static_cast<double>(points.count());
  }
  result.between = mean_over_pairs(sums, [&](int c, int d) {
    return std::sqrt(std::max(sums.product(c, c) + sums.product(d, d) - 2.0 * sums.product(c, d), 0.0));
  });
  return result;
}

std::string_view separation_level(double ratio) {
  if (ratio > 2.0) return "excellent";
  if (ratio > 1.0) return "good";
  return ratio > 0.5 ? "moderate" : "poor";
}

}  // namespace lacuna
