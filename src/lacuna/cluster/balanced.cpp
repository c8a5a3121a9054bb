#include "lacuna/cluster/balanced.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "lacuna/cluster/null_model.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

constexpr int kMaxPasses = 50;

class Exchange {
 public:
  Exchange(const PointGram& points, std::int64_t size, std::uint64_t seed)
      : points_(points),
        n_(points.count()),
        size_(size),
        k_(static_cast<int>((n_ + size - 1) / size)),
        random_(seed),
        labels_(static_cast<std::size_t>(n_), -1),
        sums_(static_cast<std::size_t>(n_ * k_)),
        sizes_(static_cast<std::size_t>(k_)) {}

  Clustering run() {
    start();
    Clustering result;
    result.k = k_;
    bool changed = true;
    while (changed && result.iterations < kMaxPasses) {
      ++result.iterations;
      changed = pass();
    }
    result.labels = labels_;
    result.inertia = inertia();
    return result;
  }

 private:
  void start() {
    std::vector<std::int64_t> unused(static_cast<std::size_t>(n_));
    std::iota(unused.begin(), unused.end(), 0);
    random_.shuffle(unused.begin(), unused.end());
    for (int c = 0; c < k_; ++c) {
      const std::int64_t first = unused.front();
      const auto take = std::min(size_, static_cast<std::int64_t>(unused.size()));
      const auto nearer = [&](std::int64_t a, std::int64_t b) {
        const double da = a == first ? -1.0 : points_.distance(first, a);
        const double db = b == first ? -1.0 : points_.distance(first, b);
        return da != db ? da < db : a < b;
      };
      std::nth_element(unused.begin(), unused.begin() + (take - 1), unused.end(), nearer);
      for (std::int64_t i = 0; i < take; ++i)
        labels_[static_cast<std::size_t>(unused[static_cast<std::size_t>(i)])] = c;
      unused.erase(unused.begin(), unused.begin() + take);
      sizes_[static_cast<std::size_t>(c)] = static_cast<double>(take);
      std::sort(unused.begin(), unused.end());  // nth_element's order is the library's; ours must not be
      if (!unused.empty()) std::swap(unused.front(), unused[random_.below(unused.size())]);
    }
    for (std::int64_t i = 0; i < n_; ++i) {
      for (std::int64_t j = 0; j < n_; ++j) sum(i, label(j)) += points_.row(i)[j];
    }
  }

  bool pass() {
    bool changed = false;
    for (std::int64_t i = 0; i < n_; ++i) {
      for (std::int64_t j = i + 1; j < n_; ++j) {
        if (label(i) == label(j) || !(gain(i, j) > 1e-9 * (points_.norm(i) + points_.norm(j)))) continue;
        exchange(i, j);
        changed = true;
      }
    }
    return changed;
  }

  // By how much Σ_c Σ_{p,q ∈ c} G[p,q] / size_c grows, and the inertia falls, when i and j change places.
  double gain(std::int64_t i, std::int64_t j) const {
    const int a = label(i);
    const int b = label(j);
    const double own = points_.norm(i) + points_.norm(j) - 2.0 * points_.row(i)[j];
    const double in_a = 2.0 * (sum(j, a) - sum(i, a)) + own;
    const double in_b = 2.0 * (sum(i, b) - sum(j, b)) + own;
    return in_a / sizes_[static_cast<std::size_t>(a)] + in_b / sizes_[static_cast<std::size_t>(b)];
  }

  void exchange(std::int64_t i, std::int64_t j) {
    const int a = label(i);
    const int b = label(j);
    for (std::int64_t p = 0; p < n_; ++p) {
      const double difference = points_.row(i)[p] - points_.row(j)[p];
      sum(p, a) -= difference;
      sum(p, b) += difference;
    }
    std::swap(labels_[static_cast<std::size_t>(i)], labels_[static_cast<std::size_t>(j)]);
  }

  double inertia() const {
    double total = 0.0;
    for (std::int64_t i = 0; i < n_; ++i) {
      total += points_.norm(i) - sum(i, label(i)) / sizes_[static_cast<std::size_t>(label(i))];
    }
    return std::max(total, 0.0);
  }

  int label(std::int64_t i) const { return labels_[static_cast<std::size_t>(i)]; }
  double& sum(std::int64_t i, int c) { return sums_[static_cast<std::size_t>(i * k_ + c)]; }
  double sum(std::int64_t i, int c) const { return sums_[static_cast<std::size_t>(i * k_ + c)]; }

  const PointGram& points_;
  std::int64_t n_;
  std::int64_t size_;
  int k_;
  Random random_;
  std::vector<int> labels_;
  std::vector<double> sums_;  // [i, c] = Σ_{j ∈ c} G[i, j]
  std::vector<double> sizes_;
};

}  // namespace

Clustering balanced_clusters(const PointGram& points, const BalancedOptions& options) {
  if (options.size < 1 || options.initialisations < 1 || points.count() < 1) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("balanced clusters: expected points, a size and an initialisation, got {}, {} and {}",
                            points.count(), options.size, options.initialisations));
  }
  std::vector<Clustering> attempts(static_cast<std::size_t>(options.initialisations));
  parallel_for(options.initialisations, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto a = begin; a < end; ++a) {
      const auto seed = derived_seed(options.seed, static_cast<std::uint64_t>(a));
      attempts[static_cast<std::size_t>(a)] = Exchange(points, options.size, seed).run();
    }
  });
  const auto fewer = [](const Clustering& a, const Clustering& b) { return a.inertia < b.inertia; };
  return std::move(*std::min_element(attempts.begin(), attempts.end(), fewer));
}

}  // namespace lacuna
