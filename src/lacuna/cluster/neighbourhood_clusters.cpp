#include "lacuna/cluster/neighbourhood_clusters.hpp"

#include <fmt/format.h>

#include "lacuna/cluster/gradient.hpp"
#include "lacuna/cluster/neighbours.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"

namespace lacuna {

std::int64_t run_feature(const FeaturePatterns& patterns, std::optional<std::int64_t> feature, std::uint64_t seed) {
  if (feature) {
    require_feature(patterns, *feature);
    return *feature;
  }
  if (patterns.count() == 0) throw Error(ErrorCode::invalid_argument, "clustering: the matrix has no features");
  return static_cast<std::int64_t>(Random(seed).below(static_cast<std::uint64_t>(patterns.count())));
}

std::vector<ClusterRun> cluster_neighbourhoods(const FeaturePatterns& patterns, const NeighbourhoodOptions& options,
                                               const PointMaker& points, const RunContext& context) {
  if (options.seeds < 1 || options.k.empty()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("clustering: expected seeds and k, got {} and {}", options.seeds, options.k.size()));
  }
  std::vector<ClusterRun> runs;
  for (int s = 0; s < options.seeds; ++s) {
    context.check_stop();
    const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(s);
    const auto near = nearest_features(patterns, run_feature(patterns, options.feature, seed), options.n);
    const auto gram = PointGram::of_patterns(patterns_of(patterns, near.indices));
    const auto others = points ? std::optional<PointGram>(points(near.indices)) : std::nullopt;
    const PointGram& clustered = others ? *others : gram;
    for (const int k : options.k) {
      ClusterRun run;
      run.seed = seed;
      run.feature = near.feature;
      run.indices = near.indices;
      run.clustering = kmeans(clustered, {k, options.initialisations, 300, seed});
      run.hamming = hamming_separation(gram, run.clustering);
      run.euclidean = euclidean_separation(clustered, run.clustering);
      runs.push_back(std::move(run));
    }
  }
  return runs;
}

std::vector<double> mean_separations(std::span<const ClusterRun> runs, std::span<const int> k) {
  std::vector<double> means;
  for (const int wanted : k) {
    double sum = 0.0;
    int n = 0;
    for (const auto& run : runs) {
      const auto ratio = run.hamming.ratio();
      if (run.clustering.k != wanted || !ratio) continue;
      sum += *ratio;
      ++n;
    }
    means.push_back(n == 0 ? 0.0 : sum / n);
  }
  return means;
}

}  // namespace lacuna
