// One feature: all distances, then a partial sort. All features: tiles of counts, from which each feature keeps the
// entries below its n-th smallest distance so far; whenever twice as many have gathered, the larger half is dropped.
#include "lacuna/cluster/neighbours.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lacuna/cluster/nearest.hpp"
#include "lacuna/cluster/pair_tiles.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

void require_neighbours(const FeaturePatterns& patterns, std::int64_t n) {
  if (n >= 1 && n <= patterns.count()) return;
  throw Error(
      ErrorCode::invalid_argument,
      fmt::format("number of neighbours: expected 1 to the {} features there are, got {}", patterns.count(), n));
}

void write(Nearest& nearest, std::uint32_t self, std::uint32_t* indices, std::uint32_t* distances) {
  *indices++ = self;
  *distances++ = 0;
  for (const std::uint64_t key : nearest.sorted()) {
    *indices++ = ranked_index(key);
    *distances++ = ranked_distance(key);
  }
}

// The neighbours of the features of row panels [begin, end).
class GraphRows {
 public:
  GraphRows(const FeaturePatterns& patterns, NeighbourGraph& graph)
      : patterns_(patterns), graph_(graph), tiles_(patterns, patterns) {}

  void run(std::int64_t begin, std::int64_t end) {
    const std::int64_t first = begin * kernels::kPanelRows;
    const std::int64_t last = std::min(end * kernels::kPanelRows, patterns_.count());
    std::vector<Nearest> nearest;
    for (auto f = first; f < last; ++f) nearest.emplace_back(static_cast<std::uint32_t>(f), graph_.n - 1);
    tiles_.run(begin, end, 0, kernels::panel_count(patterns_.count()), [&](const PairTile& tile) {
      for (auto f = first; f < last; ++f) take(tile, f, nearest[static_cast<std::size_t>(f - first)]);
    });
    for (auto f = first; f < last; ++f) {
      write(nearest[static_cast<std::size_t>(f - first)], static_cast<std::uint32_t>(f),
            graph_.indices.data() + f * graph_.n, graph_.distances.data() + f * graph_.n);
    }
  }

 private:
  // In pieces, so that a limit found in one serves the next.
  void take(const PairTile& tile, std::int64_t feature, Nearest& nearest) {
    const std::uint32_t* both = tile.counts_of(feature);
    const auto& ones = patterns_.ones();
    for (std::int64_t c = tile.col_begin; c < tile.col_end; c += kPiece) {
      const std::int64_t n = std::min(kPiece, tile.col_end - c);
      const std::int64_t hits = kernels::select_below(both + (c - tile.col_begin), ones.data() + c, n,
                                                      ones[static_cast<std::size_t>(feature)], nearest.limit(),
                                                      static_cast<std::uint32_t>(c), distances_, indices_);
      nearest.add(distances_, indices_, hits);
    }
  }

  static constexpr std::int64_t kPiece = 256;
  const FeaturePatterns& patterns_;
  NeighbourGraph& graph_;
  PairTiles tiles_;
  std::uint32_t distances_[kPiece + 16];
  std::uint32_t indices_[kPiece + 16];
};

}  // namespace

std::vector<std::uint32_t> distances_to(const FeaturePatterns& patterns, std::int64_t feature) {
  require_feature(patterns, feature);
  std::vector<std::uint32_t> distances(static_cast<std::size_t>(patterns.count()));
  const std::int64_t panel = feature / kernels::kPanelRows;
  parallel_for(kernels::panel_count(patterns.count()), 64, [&](std::int64_t begin, std::int64_t end) {
    PairTiles tiles(patterns, patterns);
    tiles.run(panel, panel + 1, begin, end, [&](const PairTile& tile) {
      const std::uint32_t* both = tile.counts_of(feature);
      const std::uint32_t own = patterns.ones()[static_cast<std::size_t>(feature)];
      for (auto j = tile.col_begin; j < tile.col_end; ++j) {
        const auto at = static_cast<std::size_t>(j);
        distances[at] = own + patterns.ones()[at] - 2 * both[j - tile.col_begin];
      }
    });
  });
  return distances;
}

Neighbours nearest_features(const FeaturePatterns& patterns, std::int64_t feature, std::int64_t n) {
  require_feature(patterns, feature);
  require_neighbours(patterns, n);
  const auto distances = distances_to(patterns, feature);
  std::vector<std::uint64_t> order;
  order.reserve(distances.size());
  for (std::size_t j = 0; j < distances.size(); ++j) {
    if (static_cast<std::int64_t>(j) != feature) order.push_back(ranked(distances[j], static_cast<std::uint32_t>(j)));
  }
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(n - 1);
  std::partial_sort(order.begin(), middle, order.end());
  Neighbours result{feature, {feature}, {0}};
  for (auto it = order.begin(); it != middle; ++it) {
    result.indices.push_back(ranked_index(*it));
    result.distances.push_back(ranked_distance(*it));
  }
  return result;
}

NeighbourGraph nearest_of_all(const FeaturePatterns& patterns, std::int64_t n, const RunContext& context) {
  require_neighbours(patterns, n);
  NeighbourGraph graph{patterns.count(), n, {}, {}};
  graph.indices.resize(static_cast<std::size_t>(graph.features * n));
  graph.distances.resize(graph.indices.size());
  const std::int64_t panels = kernels::panel_count(patterns.count());
  const std::int64_t slab = std::max<std::int64_t>(panels / 32, PairTiles::kRowPanels * thread_count());
  for (std::int64_t begin = 0; begin < panels; begin += slab) {
    context.check_stop();
    const std::int64_t end = std::min(panels, begin + slab);
    parallel_for(end - begin, PairTiles::kRowPanels, [&](std::int64_t from, std::int64_t to) {
      GraphRows rows(patterns, graph);
      for (auto p = from; p < to; p += PairTiles::kRowPanels) {
        rows.run(begin + p, begin + std::min(to, p + PairTiles::kRowPanels));
      }
    });
    const auto done = static_cast<std::uint64_t>(std::min(end * kernels::kPanelRows, patterns.count()));
    context.report({"nearest features", "", "features", done, static_cast<std::uint64_t>(patterns.count()),
                    static_cast<double>(end) / static_cast<double>(panels)});
  }
  return graph;
}

}  // namespace lacuna
