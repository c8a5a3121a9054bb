// Tiles of the upper triangle, counted into a histogram per thread. Four histograms take turns, so that neighbouring
// pairs of equal distance do not wait for each other's store.
#include "lacuna/cluster/pairs.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>

#include "lacuna/cluster/pair_tiles.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

class Histogram {
 public:
  explicit Histogram(std::int64_t rows) {
    for (auto& part : parts_) part.assign(static_cast<std::size_t>(rows) + 1, 0);
  }

  void add(const std::uint32_t* both, const std::uint32_t* ones, std::int64_t n, std::uint32_t own) {
    std::int64_t j = 0;
    for (; j + 4 <= n; j += 4) {
      ++parts_[0][own + ones[j] - 2 * both[j]];
      ++parts_[1][own + ones[j + 1] - 2 * both[j + 1]];
      ++parts_[2][own + ones[j + 2] - 2 * both[j + 2]];
      ++parts_[3][own + ones[j + 3] - 2 * both[j + 3]];
    }
    for (; j < n; ++j) ++parts_[0][own + ones[j] - 2 * both[j]];
  }

  void add_to(std::vector<std::uint64_t>& total) const {
    for (const auto& part : parts_) {
      for (std::size_t d = 0; d < total.size(); ++d) total[d] += part[d];
    }
  }

 private:
  std::array<std::vector<std::uint64_t>, 4> parts_;
};

// The pairs i < j with i in row panels [begin, end).
void count_pairs(const FeaturePatterns& patterns, std::int64_t begin, std::int64_t end, PairTiles& tiles,
                 Histogram& histogram) {
  tiles.run(begin, end, begin, kernels::panel_count(patterns.count()), [&](const PairTile& tile) {
    for (auto i = tile.row_begin; i < tile.row_end; ++i) {
      const std::int64_t from = std::max(i + 1, tile.col_begin);
      if (from >= tile.col_end) continue;
      histogram.add(tile.counts_of(i) + (from - tile.col_begin), patterns.ones().data() + from, tile.col_end - from,
                    patterns.ones()[static_cast<std::size_t>(i)]);
    }
  });
}

// Row panels in slabs: between them progress is said and a stop obeyed. Rows near the top meet more columns, so a
// slab's groups of panels are dealt to the threads in turn.
void count_slab(const FeaturePatterns& patterns, std::int64_t begin, std::int64_t end,
                std::vector<std::uint64_t>& total) {
  const std::int64_t threads = thread_count();
  std::mutex adding;
  parallel_for(threads, 1, [&](std::int64_t first, std::int64_t last) {
    PairTiles tiles(patterns, patterns);
    Histogram histogram(patterns.rows());
    for (auto thread = first; thread < last; ++thread) {
      for (auto p = begin + thread * PairTiles::kRowPanels; p < end; p += threads * PairTiles::kRowPanels) {
        count_pairs(patterns, p, std::min(end, p + PairTiles::kRowPanels), tiles, histogram);
      }
    }
    const std::lock_guard<std::mutex> lock(adding);
    histogram.add_to(total);
  });
}

double share_of_pairs_done(std::int64_t panels_done, std::int64_t panels) {
  const double left = static_cast<double>(panels - panels_done) / static_cast<double>(panels);
  return 1.0 - left * left;
}

}  // namespace

PairDistances all_pair_distances(const FeaturePatterns& patterns, const RunContext& context) {
  PairDistances result{patterns.count(), patterns.rows(), {}};
  result.histogram.assign(static_cast<std::size_t>(patterns.rows()) + 1, 0);
  const std::int64_t panels = kernels::panel_count(patterns.count());
  const std::int64_t slab = std::max<std::int64_t>(panels / 16, 4 * PairTiles::kRowPanels * thread_count());
  for (std::int64_t begin = 0; begin < panels; begin += slab) {
    context.check_stop();
    const std::int64_t end = std::min(panels, begin + slab);
    count_slab(patterns, begin, end, result.histogram);
    const auto done = static_cast<std::uint64_t>(std::min(end * kernels::kPanelRows, patterns.count()));
    context.report({"distances of all pairs", "", "features", done, static_cast<std::uint64_t>(patterns.count()),
                    share_of_pairs_done(end, panels)});
  }
  return result;
}

void for_each_distance_row(const FeaturePatterns& patterns, const DistanceRows& body, const RunContext& context) {
  const std::int64_t count = patterns.count();
  const std::int64_t panels = kernels::panel_count(count);
  const auto& ones = patterns.ones();
  std::vector<std::uint32_t> rows(static_cast<std::size_t>(PairTiles::kRowPanels * kernels::kPanelRows * count));
  for (std::int64_t begin = 0; begin < panels; begin += PairTiles::kRowPanels) {
    context.check_stop();
    const std::int64_t end = std::min(panels, begin + PairTiles::kRowPanels);
    const std::int64_t first = begin * kernels::kPanelRows;
    const std::int64_t last = std::min(end * kernels::kPanelRows, count);
    parallel_for(panels, 64, [&](std::int64_t from, std::int64_t to) {
      PairTiles tiles(patterns, patterns);
      tiles.run(begin, end, from, to, [&](const PairTile& tile) {
        for (auto i = first; i < last; ++i) {
          const std::uint32_t* both = tile.counts_of(i);
          std::uint32_t* out = rows.data() + (i - first) * count;
          for (auto j = tile.col_begin; j < tile.col_end; ++j) {
            out[j] =
                ones[static_cast<std::size_t>(i)] + ones[static_cast<std::size_t>(j)] - 2 * both[j - tile.col_begin];
          }
        }
      });
    });
    body(first, {rows.data(), static_cast<std::size_t>((last - first) * count)});
    context.report({"distances of all pairs", "", "features", static_cast<std::uint64_t>(last),
                    static_cast<std::uint64_t>(count), static_cast<double>(end) / static_cast<double>(panels)});
  }
}

std::uint64_t PairDistances::pairs() const {
  const auto n = static_cast<std::uint64_t>(features);
  return n == 0 ? 0 : n * (n - 1) / 2;
}

double PairDistances::mean() const {
  double sum = 0.0;
  for (std::size_t d = 0; d < histogram.size(); ++d) sum += static_cast<double>(d) * static_cast<double>(histogram[d]);
  return pairs() == 0 || rows == 0 ? 0.0 : sum / static_cast<double>(pairs()) / static_cast<double>(rows);
}

double PairDistances::mean_with_diagonal() const {
  if (features == 0) return 0.0;
  return mean() * static_cast<double>(features - 1) / static_cast<double>(features);
}

double PairDistances::std() const {
  if (pairs() == 0 || rows == 0) return 0.0;
  const double center = mean();
  double sum = 0.0;
  for (std::size_t d = 0; d < histogram.size(); ++d) {
    const double off = static_cast<double>(d) / static_cast<double>(rows) - center;
    sum += off * off * static_cast<double>(histogram[d]);
  }
  return std::sqrt(sum / static_cast<double>(pairs()));
}

double PairDistances::quantile(double q) const {
  if (pairs() == 0 || rows == 0) return 0.0;
  const double wanted = std::max(1.0, std::ceil(q * static_cast<double>(pairs())));
  std::uint64_t seen = 0;
  for (std::size_t d = 0; d < histogram.size(); ++d) {
    seen += histogram[d];
    if (static_cast<double>(seen) >= wanted) return static_cast<double>(d) / static_cast<double>(rows);
  }
  return max();
}

double PairDistances::min() const { return quantile(0.0); }

double PairDistances::max() const {
  if (pairs() == 0 || rows == 0) return 0.0;
  std::size_t d = histogram.size() - 1;
  while (histogram[d] == 0) --d;
  return static_cast<double>(d) / static_cast<double>(rows);
}

std::vector<CdfPoint> PairDistances::cdf() const {
  std::vector<CdfPoint> points;
  std::uint64_t seen = 0;
  for (std::size_t d = 0; d < histogram.size() && rows > 0; ++d) {
    if (histogram[d] == 0) continue;
    seen += histogram[d];
    points.push_back(
        {static_cast<double>(d) / static_cast<double>(rows), static_cast<double>(seen) / static_cast<double>(pairs())});
  }
  return points;
}

}  // namespace lacuna
