#include "lacuna/cluster/cluster_orders.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "lacuna/cluster/balanced.hpp"
#include "lacuna/cluster/gradient.hpp"
#include "lacuna/cluster/grouping.hpp"
#include "lacuna/cluster/kmeans.hpp"
#include "lacuna/cluster/null_model.hpp"
#include "lacuna/cluster/pair_tiles.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kRun = 512;  // features that balanced_order clusters at once

std::vector<std::int64_t> sample_features(std::int64_t count, std::uint64_t seed) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  if (count <= kClusterSample) return all;
  Random random(seed);
  random.shuffle(all.begin(), all.end());
  all.resize(static_cast<std::size_t>(kClusterSample));
  std::sort(all.begin(), all.end());
  return all;
}

// Of a clustering of `sample`: the nearest centre of every feature, in integers up to the division by sizes.
std::vector<int> nearest_centres(const FeaturePatterns& patterns, const FeaturePatterns& sample, const PointGram& gram,
                                 const Clustering& clustering) {
  const auto k = static_cast<std::size_t>(clustering.k);
  const auto sizes = cluster_sizes(clustering);
  std::vector<double> within(k, 0.0);  // Σ_{i,j ∈ c} G[i,j] / size²
  for (std::int64_t i = 0; i < gram.count(); ++i) {
    const int c = clustering.labels[static_cast<std::size_t>(i)];
    for (std::int64_t j = 0; j < gram.count(); ++j) {
      if (clustering.labels[static_cast<std::size_t>(j)] == c) within[static_cast<std::size_t>(c)] += gram.row(i)[j];
    }
  }
  for (std::size_t c = 0; c < k; ++c) within[c] /= static_cast<double>(sizes[c]) * static_cast<double>(sizes[c]);
  std::vector<int> labels(static_cast<std::size_t>(patterns.count()));
  const std::int64_t panels = kernels::panel_count(patterns.count());
  parallel_for(panels, PairTiles::kRowPanels, [&](std::int64_t begin, std::int64_t end) {
    PairTiles tiles(patterns, sample);
    for (auto p = begin; p < end; p += PairTiles::kRowPanels) {
      const std::int64_t last = std::min(end, p + PairTiles::kRowPanels);
      std::vector<double> sums(static_cast<std::size_t>((last - p) * kernels::kPanelRows) * k, 0.0);
      tiles.run(p, last, 0, kernels::panel_count(sample.count()), [&](const PairTile& tile) {
        for (std::int64_t f = tile.row_begin; f < tile.row_end; ++f) {
          double* sum = sums.data() + static_cast<std::size_t>(f - p * kernels::kPanelRows) * k;
          const std::uint32_t* both = tile.counts_of(f);
          for (std::int64_t s = tile.col_begin; s < tile.col_end; ++s)
            sum[clustering.labels[static_cast<std::size_t>(s)]] += both[s - tile.col_begin];
        }
      });
      for (std::int64_t f = p * kernels::kPanelRows; f < std::min(last * kernels::kPanelRows, patterns.count()); ++f) {
        const double* sum = sums.data() + static_cast<std::size_t>(f - p * kernels::kPanelRows) * k;
        double best = std::numeric_limits<double>::infinity();
        for (std::size_t c = 0; c < k; ++c) {  // ‖x‖² is the same for all
          const double d = within[c] - 2.0 * sum[c] / static_cast<double>(sizes[c]);
          if (d >= best) continue;
          best = d;
          labels[static_cast<std::size_t>(f)] = static_cast<int>(c);
        }
      }
    }
  });
  return labels;
}

}  // namespace

std::vector<int> kmeans_labels(const FeaturePatterns& patterns, int k, std::uint64_t seed) {
  const auto chosen = sample_features(patterns.count(), derived_seed(seed, 1));
  BitMatrix bits = patterns_of(patterns, chosen);
  const auto gram = PointGram::of_patterns(bits);
  KMeansOptions options;
  options.k = k;
  options.seed = derived_seed(seed, 2);
  const auto clustering = kmeans(gram, options);
  if (static_cast<std::int64_t>(chosen.size()) == patterns.count()) return clustering.labels;
  return nearest_centres(patterns, FeaturePatterns(std::move(bits)), gram, clustering);
}

FeatureOrder kmeans_order(const FeaturePatterns& patterns, int k, std::uint64_t seed) {
  return label_order(kmeans_labels(patterns, k, seed));
}

FeatureOrder balanced_order(const FeaturePatterns& patterns, std::int64_t size, std::uint64_t seed) {
  FeatureOrder order = stored_order(patterns.count());
  const std::int64_t run = std::max(size, kRun / std::max<std::int64_t>(size, 1) * size);
  if (patterns.count() > run) {
    const auto k = static_cast<int>(std::min<std::int64_t>((patterns.count() + run - 1) / run * 2, 64));
    order = kmeans_order(patterns, k, derived_seed(seed, 3));
  }
  for (std::int64_t first = 0; first < patterns.count(); first += run) {
    const auto begin = order.begin() + first;
    const auto end = order.begin() + std::min(first + run, patterns.count());
    const FeatureOrder features(begin, end);
    BalancedOptions options;
    options.size = size;
    options.initialisations = 2;
    options.seed = derived_seed(seed, static_cast<std::uint64_t>(4 + first));
    const auto clusters = balanced_clusters(PointGram::of_patterns(patterns_of(patterns, features)), options);
    const auto by_label = label_order(clusters.labels);
    std::transform(by_label.begin(), by_label.end(), begin,
                   [&](std::int64_t i) { return features[static_cast<std::size_t>(i)]; });
  }
  return order;
}

FeatureOrder named_order(std::string_view name, const FeaturePatterns& patterns, const NamedOrderOptions& options,
                         std::uint64_t seed) {
  if (name == "stored") return stored_order(patterns.count());
  if (name == "frequency") return frequency_order(patterns);
  if (name == "gradient") {
    const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(patterns.count(), 1));
    return gradient_order(patterns, options.feature.value_or(static_cast<std::int64_t>(Random(seed).below(count))));
  }
  if (name == "kmeans") {
    return kmeans_order(patterns, static_cast<int>(std::min<std::int64_t>(options.k, patterns.count())), seed);
  }
  if (name == "balanced") return balanced_order(patterns, options.block, seed);
  if (name == "groups") return grouped_order(group_features(patterns, options.block, seed));
  throw Error(ErrorCode::invalid_argument,
              fmt::format("order: expected stored, frequency, gradient, kmeans, balanced or groups, got {}", name));
}

const std::vector<std::string_view>& order_names() {
  static const std::vector<std::string_view> names = {"stored", "frequency", "gradient",
                                                      "kmeans", "balanced",  "groups"};
  return names;
}

bool is_order_name(std::string_view name) { return std::ranges::find(order_names(), name) != order_names().end(); }

}  // namespace lacuna
