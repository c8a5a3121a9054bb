#include "lacuna/cluster/kmeans.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lacuna/cluster/null_model.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

constexpr int kSeedings = 4;

// One initialisation and its iterations.
class Lloyd {
 public:
  Lloyd(const PointGram& points, const KMeansOptions& options, std::uint64_t seed)
      : points_(points),
        n_(points.count()),
        k_(options.k),
        random_(seed),
        labels_(static_cast<std::size_t>(n_)),
        sums_(static_cast<std::size_t>(n_ * k_)),
        sizes_(static_cast<std::size_t>(k_)),
        within_(static_cast<std::size_t>(k_)) {}

  Clustering run(int max_iterations) {
    start();
    Clustering result;
    result.k = k_;
    bool changed = true;
    while (changed && result.iterations < max_iterations) {
      ++result.iterations;
      fill_empty_clusters();
      changed = assign();
    }
    fill_empty_clusters();
    result.inertia = inertia();
    result.labels = labels_;
    return result;
  }

 private:
  // The best of a few seedings, judged after the first assignment: among many dimensions Lloyd's moves little after it.
  void start() {
    std::vector<int> best;
    double least = std::numeric_limits<double>::infinity();
    for (int seeding = 0; seeding < kSeedings; ++seeding) {
      label_by_nearest(seed_centres());
      fill_empty_clusters();
      const double found = inertia();
      if (found >= least) continue;
      least = found;
      best = labels_;
    }
    labels_ = std::move(best);
    summarise();
  }

  std::vector<std::int64_t> seed_centres() {
    std::vector<std::int64_t> centres = {static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(n_)))};
    std::vector<double> nearest(static_cast<std::size_t>(n_));
    for (std::int64_t i = 0; i < n_; ++i) nearest[static_cast<std::size_t>(i)] = points_.distance(i, centres[0]);
    const int candidates = 2 + static_cast<int>(std::log(static_cast<double>(k_)));
    while (static_cast<int>(centres.size()) < k_) {
      double total = 0.0;
      for (const double d : nearest) total += d;
      std::vector<double> best;
      double best_total = std::numeric_limits<double>::infinity();
      std::int64_t best_point = 0;
      for (int c = 0; c < candidates; ++c) {
        const std::int64_t point = draw(nearest, total);
        std::vector<double> trial(nearest);
        double trial_total = 0.0;
        for (std::int64_t i = 0; i < n_; ++i) {
          auto& d = trial[static_cast<std::size_t>(i)];
          d = std::min(d, points_.distance(i, point));
          trial_total += d;
        }
        if (trial_total >= best_total) continue;
        best = std::move(trial);
        best_total = trial_total;
        best_point = point;
      }
      centres.push_back(best_point);
      nearest = std::move(best);
    }
    return centres;
  }

  // A point with probability proportional to its weight; any, where all weights are 0.
  std::int64_t draw(const std::vector<double>& weights, double total) {
    if (!(total > 0.0)) return static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(n_)));
    double left = random_.uniform() * total;
    std::int64_t last = 0;
    for (std::int64_t i = 0; i < n_; ++i) {
      const double weight = weights[static_cast<std::size_t>(i)];
      if (weight <= 0.0) continue;
      last = i;
      left -= weight;
      if (left < 0.0) break;
    }
    return last;
  }

  void label_by_nearest(const std::vector<std::int64_t>& centres) {
    for (std::int64_t i = 0; i < n_; ++i) {
      double best = std::numeric_limits<double>::infinity();
      for (int c = 0; c < k_; ++c) {
        const double d = points_.distance(i, centres[static_cast<std::size_t>(c)]);
        if (d >= best) continue;
        best = d;
        labels_[static_cast<std::size_t>(i)] = c;
      }
    }
    summarise();
  }

  // sums[i,c] = Σ_{j ∈ c} G[i,j]; within[c] = Σ_{i,j ∈ c} G[i,j].
  void summarise() {
    std::fill(sizes_.begin(), sizes_.end(), 0);
    std::fill(within_.begin(), within_.end(), 0.0);
    for (const int label : labels_) ++sizes_[static_cast<std::size_t>(label)];
    for (std::int64_t i = 0; i < n_; ++i) {
      double* sums = sums_.data() + i * k_;
      std::fill_n(sums, k_, 0.0);
      const double* products = points_.row(i);
      for (std::int64_t j = 0; j < n_; ++j) sums[labels_[static_cast<std::size_t>(j)]] += products[j];
      const int label = labels_[static_cast<std::size_t>(i)];
      within_[static_cast<std::size_t>(label)] += sums[label];
    }
  }

  double distance_to_centre(std::int64_t i, int c) const {  // squared
    const auto size = static_cast<double>(sizes_[static_cast<std::size_t>(c)]);
    const double d = points_.norm(i) - 2.0 * sums_[static_cast<std::size_t>(i * k_ + c)] / size +
                     within_[static_cast<std::size_t>(c)] / (size * size);
    return std::max(d, 0.0);
  }

  void fill_empty_clusters() {
    for (int c = 0; c < k_; ++c) {
      if (sizes_[static_cast<std::size_t>(c)] != 0) continue;
      std::int64_t farthest = -1;
      double distance = -1.0;
      for (std::int64_t i = 0; i < n_; ++i) {
        const int label = labels_[static_cast<std::size_t>(i)];
        if (sizes_[static_cast<std::size_t>(label)] < 2 || distance_to_centre(i, label) <= distance) continue;
        farthest = i;
        distance = distance_to_centre(i, label);
      }
      if (farthest < 0) return;  // k ≤ n: some cluster has two points
      labels_[static_cast<std::size_t>(farthest)] = c;
      summarise();
    }
  }

  bool assign() {
    bool changed = false;
    for (std::int64_t i = 0; i < n_; ++i) {
      int& label = labels_[static_cast<std::size_t>(i)];
      int nearest = label;
      double best = distance_to_centre(i, label);
      for (int c = 0; c < k_; ++c) {  // a point stays where it is unless another centre is nearer
        const double d = distance_to_centre(i, c);
        if (d < best * (1.0 - 1e-12)) {
          best = d;
          nearest = c;
        }
      }
      changed = changed || nearest != label;
      label = nearest;
    }
    if (changed) summarise();
    return changed;
  }

  double inertia() const {
    double sum = 0.0;
    for (std::int64_t i = 0; i < n_; ++i) sum += distance_to_centre(i, labels_[static_cast<std::size_t>(i)]);
    return sum;
  }

  const PointGram& points_;
  std::int64_t n_;
  int k_;
  Random random_;
  std::vector<int> labels_;
  std::vector<double> sums_;
  std::vector<std::int64_t> sizes_;
  std::vector<double> within_;
};

void check(const PointGram& points, const KMeansOptions& options) {
  if (options.k < 1 || options.k > points.count()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("k-means: expected k from 1 to {} points, got {}", points.count(), options.k));
  }
  if (options.initialisations < 1 || options.max_iterations < 1) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("k-means: expected at least one initialisation and iteration, got {} and {}",
                            options.initialisations, options.max_iterations));
  }
}

}  // namespace

Clustering kmeans(const PointGram& points, const KMeansOptions& options) {
  check(points, options);
  std::vector<Clustering> attempts(static_cast<std::size_t>(options.initialisations));
  parallel_for(options.initialisations, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto a = begin; a < end; ++a) {
      const auto seed = derived_seed(options.seed, static_cast<std::uint64_t>(a));
      attempts[static_cast<std::size_t>(a)] = Lloyd(points, options, seed).run(options.max_iterations);
    }
  });
  const auto fewer = [](const Clustering& a, const Clustering& b) { return a.inertia < b.inertia; };
  return std::move(*std::min_element(attempts.begin(), attempts.end(), fewer));
}

std::vector<std::int64_t> cluster_sizes(const Clustering& clustering) {
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(clustering.k), 0);
  for (const int label : clustering.labels) ++sizes[static_cast<std::size_t>(label)];
  return sizes;
}

}  // namespace lacuna
