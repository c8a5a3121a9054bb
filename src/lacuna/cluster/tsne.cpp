#include "lacuna/cluster/tsne.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lacuna/cluster/affinities.hpp"
#include "lacuna/cluster/null_model.hpp"
#include "lacuna/cluster/quadtree.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

constexpr double kExaggeration = 12.0;
constexpr int kExaggerated = 250;  // iterations
constexpr double kAngle = 0.5;
constexpr double kStartDeviation = 1e-4;
constexpr double kCollapsed = 1e-3;  // of the start: exaggeration pulls faint clusters into a point, and ends there
constexpr double kStill = 1e-9;      // gradient's norm per size of the embedding
constexpr std::int64_t kGrain = 64;  // points per thread

struct Plane {
  std::vector<double> x;
  std::vector<double> y;
  explicit Plane(std::size_t n) : x(n), y(n) {}
};

// One eigenvector of the centred Gram matrix, by power iteration away from `others`.
std::vector<double> principal(const PointGram& points, const std::vector<std::vector<double>>& others, Random& random) {
  const auto n = static_cast<std::size_t>(points.count());
  std::vector<double> v(n);
  for (auto& value : v) value = random.normal();
  const auto clean = [&](std::vector<double>& u) {
    double mean = 0.0;
    for (const double value : u) mean += value / static_cast<double>(n);
    for (auto& value : u) value -= mean;
    for (const auto& other : others) {
      double along = 0.0;
      for (std::size_t i = 0; i < n; ++i) along += u[i] * other[i];
      for (std::size_t i = 0; i < n; ++i) u[i] -= along * other[i];
    }
    double norm = 0.0;
    for (const double value : u) norm += value * value;
    norm = std::sqrt(norm);
    for (auto& value : u) value = norm > 0.0 ? value / norm : 0.0;
  };
  clean(v);
  constexpr int kIterations = 60;  // a start needs no more
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    std::vector<double> next(n, 0.0);
    parallel_for(points.count(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        double sum = 0.0;
        for (std::size_t j = 0; j < n; ++j) sum += points.row(i)[j] * v[j];
        next[static_cast<std::size_t>(i)] = sum;
      }
    });
    clean(next);
    v = std::move(next);
  }
  return v;
}

Plane random_start(std::int64_t n, Random& random) {
  Plane plane(static_cast<std::size_t>(n));
  for (auto& value : plane.x) value = kStartDeviation * random.normal();
  for (auto& value : plane.y) value = kStartDeviation * random.normal();
  return plane;
}

Plane principal_start(const PointGram& points, Random& random) {
  Plane plane(static_cast<std::size_t>(points.count()));
  const auto first = principal(points, {}, random);
  const auto second = principal(points, {first}, random);
  const auto eigenvalue = [&](const std::vector<double>& v) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < points.count(); ++i) {
      for (std::int64_t j = 0; j < points.count(); ++j)
        sum += v[static_cast<std::size_t>(i)] * points.row(i)[j] * v[static_cast<std::size_t>(j)];
    }
    return std::max(sum, 0.0);
  };
  const double ratio = std::sqrt(eigenvalue(second) / std::max(eigenvalue(first), 1e-300));
  const double scale = kStartDeviation * std::sqrt(static_cast<double>(points.count()));  // of a unit vector
  for (std::size_t i = 0; i < first.size(); ++i) {
    plane.x[i] = scale * first[i];
    plane.y[i] = scale * ratio * second[i];
  }
  return plane;
}

class Descent {
 public:
  Descent(const Affinities& affinities, TsneMethod method, Plane start)
      : p_(affinities),
        method_(method),
        n_(affinities.count()),
        at_(std::move(start)),
        step_(static_cast<std::size_t>(n_)),
        gain_(static_cast<std::size_t>(n_)),
        gradient_(static_cast<std::size_t>(n_)),
        repulsion_(static_cast<std::size_t>(n_)) {
    std::fill(gain_.x.begin(), gain_.x.end(), 1.0);
    std::fill(gain_.y.begin(), gain_.y.end(), 1.0);
  }

  Embedding run(int iterations, const RunContext& context) {
    const double rate = std::max(static_cast<double>(n_) / (4.0 * kExaggeration), 50.0);
    Embedding best;
    best.kl = std::numeric_limits<double>::infinity();
    bool early = true;
    for (int iteration = 0; iteration < iterations; ++iteration) {
      context.check_stop();
      const double extent = centre();
      early = early && iteration < std::min(kExaggerated, iterations / 2) && extent > kCollapsed * kStartDeviation;
      const double norm = compute_gradient(early ? kExaggeration : 1.0);
      best.iterations = iteration + 1;
      if (!early && norm < kStill * extent) break;
      move(rate, early ? 0.5 : 0.8);
    }
    compute_gradient(1.0);
    best.kl = divergence();
    best.x = at_.x;
    best.y = at_.y;
    best.method = method_;
    return best;
  }

 private:
  // Moves the centre to the origin; root mean square distance from it.
  double centre() {
    double squares = 0.0;
    for (auto* axis : {&at_.x, &at_.y}) {
      double mean = 0.0;
      for (const double v : *axis) mean += v / static_cast<double>(n_);
      for (double& v : *axis) {
        v -= mean;
        squares += v * v;
      }
    }
    return std::sqrt(squares / static_cast<double>(n_));
  }

  void repel() {
    if (method_ == TsneMethod::barnes_hut) tree_.build(at_.x, at_.y);
    parallel_for(n_, kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        const auto at = static_cast<std::size_t>(i);
        repulsion_[at] =
            method_ == TsneMethod::barnes_hut ? tree_.sum(at_.x[at], at_.y[at], kAngle) : repel_exactly(at);
      }
    });
    z_ = 0.0;
    for (const auto& r : repulsion_) z_ += r.z;
  }

  Repulsion repel_exactly(std::size_t i) const {
    Repulsion r;
    const double x = at_.x[i];
    const double y = at_.y[i];
    for (std::size_t j = 0; j < at_.x.size(); ++j) {
      const double dx = x - at_.x[j];
      const double dy = y - at_.y[j];
      const double q = 1.0 / (1.0 + dx * dx + dy * dy);
      r.z += q;
      r.x += q * q * dx;
      r.y += q * q * dy;
    }
    r.z -= 1.0;  // the point itself
    return r;
  }

  double compute_gradient(double exaggeration) {  // its norm
    repel();
    parallel_for(n_, kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) {
        const auto at = static_cast<std::size_t>(i);
        double x = 0.0;
        double y = 0.0;
        for (auto e = static_cast<std::size_t>(p_.begin[at]); e < static_cast<std::size_t>(p_.begin[at + 1]); ++e) {
          const auto j = static_cast<std::size_t>(p_.column[e]);
          const double dx = at_.x[at] - at_.x[j];
          const double dy = at_.y[at] - at_.y[j];
          const double pull = p_.p[e] / (1.0 + dx * dx + dy * dy);
          x += pull * dx;
          y += pull * dy;
        }
        gradient_.x[at] = 4.0 * (exaggeration * x - repulsion_[at].x / z_);
        gradient_.y[at] = 4.0 * (exaggeration * y - repulsion_[at].y / z_);
      }
    });
    double squares = 0.0;
    for (std::size_t i = 0; i < gradient_.x.size(); ++i)
      squares += gradient_.x[i] * gradient_.x[i] + gradient_.y[i] * gradient_.y[i];
    return std::sqrt(squares);
  }

  void move(double rate, double momentum) {
    const auto along = [&](std::vector<double>& at, std::vector<double>& step, std::vector<double>& gain,
                           const std::vector<double>& gradient) {
      for (std::size_t i = 0; i < at.size(); ++i) {
        const bool same_direction = step[i] * gradient[i] < 0.0;
        gain[i] = std::max(same_direction ? gain[i] + 0.2 : gain[i] * 0.8, 0.01);
        step[i] = momentum * step[i] - rate * gain[i] * gradient[i];
        at[i] += step[i];
      }
    };
    along(at_.x, step_.x, gain_.x, gradient_.x);
    along(at_.y, step_.y, gain_.y, gradient_.y);
  }

  double divergence() const {
    double sum = 0.0;
    for (std::size_t i = 0; i < at_.x.size(); ++i) {
      for (auto e = static_cast<std::size_t>(p_.begin[i]); e < static_cast<std::size_t>(p_.begin[i + 1]); ++e) {
        const auto j = static_cast<std::size_t>(p_.column[e]);
        const double dx = at_.x[i] - at_.x[j];
        const double dy = at_.y[i] - at_.y[j];
        if (p_.p[e] > 0.0) sum += p_.p[e] * std::log(p_.p[e] * z_ * (1.0 + dx * dx + dy * dy));
      }
    }
    return sum;
  }

  const Affinities& p_;
  TsneMethod method_;
  std::int64_t n_;
  Plane at_;
  Plane step_;
  Plane gain_;
  Plane gradient_;
  std::vector<Repulsion> repulsion_;
  double z_ = 1.0;  // Σ q over all ordered pairs
  Quadtree tree_;
};

void check(const PointGram& points, const TsneOptions& options) {
  const auto n = static_cast<double>(points.count());
  if (points.count() < 2 || !(options.perplexity >= 1.0) || !(options.perplexity < n) || options.starts < 1 ||
      options.iterations < 1) {
    throw Error(
        ErrorCode::invalid_argument,
        fmt::format("t-SNE: expected at least two points, a perplexity from 1 to below their number, a start and "
                    "an iteration, got {} points, perplexity {}, {} starts, {} iterations",
                    points.count(), options.perplexity, options.starts, options.iterations));
  }
}

}  // namespace

double default_perplexity(std::int64_t n) { return std::clamp(static_cast<double>(n) - 1.0, 1.0, 30.0); }

Embedding tsne(const PointGram& points, const TsneOptions& options, const RunContext& context) {
  check(points, options);
  const auto n = points.count();
  TsneMethod method = options.method;
  if (method == TsneMethod::automatic) method = n <= kTsneExact ? TsneMethod::exact : TsneMethod::barnes_hut;
  const auto near = std::min<std::int64_t>(n - 1, static_cast<std::int64_t>(3.0 * options.perplexity) + 1);
  const auto affinities = make_affinities(points, options.perplexity, method == TsneMethod::exact ? n - 1 : near);
  std::vector<Embedding> embeddings(static_cast<std::size_t>(options.starts));
  const auto descend = [&](std::int64_t start) {
    Random random(derived_seed(options.seed, static_cast<std::uint64_t>(start)));
    Plane plane = start == 0 ? principal_start(points, random) : random_start(n, random);
    embeddings[static_cast<std::size_t>(start)] =
        Descent(affinities, method, std::move(plane)).run(options.iterations, context);
  };
  if (options.starts == 1) {
    descend(0);
  } else {  // each on one thread
    parallel_for(options.starts, 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto s = begin; s < end; ++s) descend(s);
    });
  }
  const auto fewer = [](const Embedding& a, const Embedding& b) { return a.kl < b.kl; };
  return std::move(*std::min_element(embeddings.begin(), embeddings.end(), fewer));
}

}  // namespace lacuna
