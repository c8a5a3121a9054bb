// Exhaustive grouping walks a random permutation of the features and skips used ones, which draws uniformly among the
// unused. The distances of the next eight seeds are counted at once: the up to seven groups before a seed's own use up
// at most 7·size features, so its size − 1 + 7·size nearest are enough to choose from. When half of the features are
// used, the rest is packed together anew.
#include "lacuna/cluster/grouping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <numeric>

#include "lacuna/cluster/gradient.hpp"
#include "lacuna/cluster/nearest.hpp"
#include "lacuna/cluster/neighbours.hpp"
#include "lacuna/cluster/pair_tiles.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

using Features = std::vector<std::int64_t>;

constexpr std::uint32_t kUsedOnes = std::uint32_t{1} << 31U;  // puts a used feature at or above kFarthest
constexpr std::uint32_t kFarthest = std::uint32_t{1} << 30U;  // patterns have fewer rows

Features shuffled_features(std::int64_t count, std::uint64_t seed) {
  Features features(static_cast<std::size_t>(count));
  std::iota(features.begin(), features.end(), 0);
  Random(seed).shuffle(features.begin(), features.end());
  return features;
}

// The features not yet used, side by side; positions count within them, in ascending order of features.
class Unused {
 public:
  explicit Unused(const FeaturePatterns& all)
      : all_(all), used_(static_cast<std::size_t>(all.count())), position_(used_.size()) {
    Features features(static_cast<std::size_t>(all.count()));
    std::iota(features.begin(), features.end(), 0);
    pack(std::move(features));
  }

  bool is_used(std::int64_t feature) const { return used_[static_cast<std::size_t>(feature)]; }
  void use(std::int64_t feature) {
    used_[static_cast<std::size_t>(feature)] = true;
    ones_[at(feature)] = kUsedOnes;
    ++n_used_;
  }

  // To be called when no lists of nearest features are in use.
  void drop_used() {
    if (2 * n_used_ < static_cast<std::int64_t>(features_.size()) || features_.size() < 256) return;
    Features rest;
    for (const auto feature : features_) {
      if (!is_used(feature)) rest.push_back(feature);
    }
    pack(std::move(rest));
  }

  // For each of up to eight unused features the k nearest unused ones.
  std::vector<Features> nearest(const Features& seeds, std::int64_t k) const {
    const FeaturePatterns rows(patterns_of(all_, seeds));
    std::vector<std::vector<std::uint64_t>> found(seeds.size());
    std::mutex joining;
    parallel_for(kernels::panel_count(patterns_->count()), 64, [&](std::int64_t begin, std::int64_t end) {
      std::vector<Nearest> lists;
      for (const auto seed : seeds) lists.emplace_back(static_cast<std::uint32_t>(at(seed)), k, kFarthest);
      search(rows, begin, end, lists);
      const std::lock_guard<std::mutex> lock(joining);
      for (std::size_t s = 0; s < seeds.size(); ++s) {
        const auto& keys = lists[s].sorted();
        found[s].insert(found[s].end(), keys.begin(), keys.end());
      }
    });
    std::vector<Features> result(seeds.size());
    for (std::size_t s = 0; s < seeds.size(); ++s) {
      std::sort(found[s].begin(), found[s].end());
      if (static_cast<std::int64_t>(found[s].size()) > k) found[s].resize(static_cast<std::size_t>(k));
      for (const auto key : found[s]) result[s].push_back(features_[ranked_index(key)]);
    }
    return result;
  }

 private:
  std::size_t at(std::int64_t feature) const { return position_[static_cast<std::size_t>(feature)]; }

  void pack(Features features) {
    features_ = std::move(features);
    patterns_ = std::make_unique<FeaturePatterns>(patterns_of(all_, features_));
    ones_ = patterns_->ones();
    for (std::size_t i = 0; i < features_.size(); ++i) position_[static_cast<std::size_t>(features_[i])] = i;
    n_used_ = 0;
  }

  void search(const FeaturePatterns& rows, std::int64_t begin, std::int64_t end, std::vector<Nearest>& lists) const {
    constexpr std::int64_t kPiece = 256;
    std::uint32_t distances[kPiece + 16];
    std::uint32_t indices[kPiece + 16];
    PairTiles tiles(rows, *patterns_);
    tiles.run(0, 1, begin, end, [&](const PairTile& tile) {
      for (std::int64_t s = 0; s < rows.count(); ++s) {
        auto& list = lists[static_cast<std::size_t>(s)];
        for (auto c = tile.col_begin; c < tile.col_end; c += kPiece) {
          const std::int64_t hits =
              kernels::select_below(tile.counts_of(s) + (c - tile.col_begin), ones_.data() + c,
                                    std::min(kPiece, tile.col_end - c), rows.ones()[static_cast<std::size_t>(s)],
                                    list.limit(), static_cast<std::uint32_t>(c), distances, indices);
          list.add(distances, indices, hits);
        }
      }
    });
  }

  const FeaturePatterns& all_;
  Features features_;  // packed, ascending
  std::unique_ptr<FeaturePatterns> patterns_;
  std::vector<std::uint32_t> ones_;    // kUsedOnes for those used since they were packed
  std::vector<bool> used_;             // of all features
  std::vector<std::size_t> position_;  // of all features; of dropped ones stale
  std::int64_t n_used_ = 0;
};

FeatureGroup take_group(Unused& unused, std::int64_t seed, const Features& nearest, std::int64_t size) {
  FeatureGroup group{seed, {seed}};
  unused.use(seed);
  for (const auto feature : nearest) {
    if (static_cast<std::int64_t>(group.features.size()) == size) break;
    if (unused.is_used(feature)) continue;
    unused.use(feature);
    group.features.push_back(feature);
  }
  return group;
}

}  // namespace

std::vector<FeatureGroup> group_features(const FeaturePatterns& patterns, std::int64_t size, std::uint64_t seed,
                                         const RunContext& context) {
  require_group_size(size);
  constexpr std::size_t kBatch = kernels::kPanelRows;
  const Features order = shuffled_features(patterns.count(), seed);
  Unused unused(patterns);
  std::vector<FeatureGroup> groups;
  std::size_t next = 0;
  std::size_t reported = 0;
  while (next < order.size()) {
    context.check_stop();
    unused.drop_used();
    Features seeds;
    for (; next < order.size() && seeds.size() < kBatch; ++next) {
      if (!unused.is_used(order[next])) seeds.push_back(order[next]);
    }
    if (seeds.empty()) break;
    const auto nearest = unused.nearest(seeds, size - 1 + static_cast<std::int64_t>(kBatch - 1) * size);
    for (std::size_t s = 0; s < seeds.size(); ++s) {
      if (!unused.is_used(seeds[s])) groups.push_back(take_group(unused, seeds[s], nearest[s], size));
    }
    if (100 * next / order.size() > reported) {
      reported = 100 * next / order.size();
      context.report({"group features", "", "features", next, order.size(),
                      static_cast<double>(next) / static_cast<double>(order.size())});
    }
  }
  return groups;
}

std::vector<FeatureGroup> sample_groups(const FeaturePatterns& patterns, std::int64_t count, std::int64_t size,
                                        std::uint64_t seed, const RunContext& context) {
  require_group_size(size);
  if (count < 1 || count > patterns.count()) {
    throw Error(
        ErrorCode::invalid_argument,
        fmt::format("number of groups: expected 1 to the {} features there are, got {}", patterns.count(), count));
  }
  const Features order = shuffled_features(patterns.count(), seed);
  std::vector<FeatureGroup> groups;
  for (std::int64_t g = 0; g < count; ++g) {
    context.check_stop();
    const auto feature = order[static_cast<std::size_t>(g)];
    groups.push_back({feature, nearest_features(patterns, feature, std::min(size, patterns.count())).indices});
  }
  return groups;
}

}  // namespace lacuna
