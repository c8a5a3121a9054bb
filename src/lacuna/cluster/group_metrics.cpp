#include "lacuna/cluster/group_metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "lacuna/bits/transpose_block.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

// Distinct rows and how often each occurs, of rows × size bits.
class RowKinds {
 public:
  RowKinds(const FeaturePatterns& patterns, std::span<const std::int64_t> features) : size_(features.size()) {
    if (size_ <= kTableBits) table_.assign(std::size_t{1} << size_, 0);
    const std::int64_t rows = patterns.rows();
    std::uint64_t block[64];
    for (std::int64_t w = 0; w * 64 < rows; ++w) {
      for (std::size_t i = 0; i < 64; ++i) block[i] = i < size_ ? patterns.bits().row(features[i])[w] : 0;
      transpose_block(block);
      add(block, std::min<std::int64_t>(64, rows - w * 64));
    }
    if (size_ > kTableBits) std::sort(keys_.begin(), keys_.end());
  }

  // Also the rows in which the pairs i < j differ, summed over the pairs: a row with k non-zeros of g differs in
  // k·(g − k) pairs.
  std::uint64_t write(GroupMetrics& metrics) const {
    std::uint64_t distance = 0;
    const std::uint64_t full = size_ == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << size_) - 1;
    const auto count = [&](std::uint64_t key, std::int64_t times) {
      if (times == 0) return;
      ++metrics.unique_rows;
      if (times > 1) ++metrics.duplicates;
      metrics.total_dups += times - 1;
      if (key == 0) metrics.zeros = times;
      if (key == full) metrics.ones = times;
      const auto k = static_cast<std::uint64_t>(std::popcount(key));
      distance += k * (size_ - k) * static_cast<std::uint64_t>(times);
    };
    for (std::size_t key = 0; key < table_.size(); ++key) count(key, table_[key]);
    for (std::size_t i = 0; i < keys_.size();) {
      std::size_t end = i + 1;
      while (end < keys_.size() && keys_[end] == keys_[i]) ++end;
      count(keys_[i], static_cast<std::int64_t>(end - i));
      i = end;
    }
    return distance;
  }

 private:
  void add(const std::uint64_t* keys, std::int64_t n) {
    if (size_ > kTableBits) {
      keys_.insert(keys_.end(), keys, keys + n);
    } else {
      for (std::int64_t i = 0; i < n; ++i) ++table_[keys[i]];
    }
  }

  static constexpr std::size_t kTableBits = 12;
  std::size_t size_;
  std::vector<std::int64_t> table_;
  std::vector<std::uint64_t> keys_;
};

}  // namespace

void require_group_size(std::int64_t size) {
  if (size >= 1 && size <= kMaxGroupSize) return;
  throw Error(ErrorCode::invalid_argument, fmt::format("group size: expected 1 to {}, got {}", kMaxGroupSize, size));
}

GroupMetrics measure_group(const FeaturePatterns& patterns, std::span<const std::int64_t> features) {
  require_group_size(static_cast<std::int64_t>(features.size()));
  GroupMetrics metrics;
  std::uint64_t ones = 0;
  for (const auto feature : features) {
    require_feature(patterns, feature);
    ones += patterns.ones()[static_cast<std::size_t>(feature)];
  }
  const auto distance = static_cast<double>(RowKinds(patterns, features).write(metrics));
  if (patterns.rows() == 0) return metrics;
  const auto size = static_cast<double>(features.size());
  const auto rows = static_cast<double>(patterns.rows());
  metrics.density = static_cast<double>(ones) / (size * rows);
  metrics.mean_pairwise_distance = 2.0 * distance / (size * size * rows);
  if (features.size() > 1) metrics.mean_distance = 2.0 * distance / (size * (size - 1.0) * rows);
  return metrics;
}

std::vector<GroupMetrics> measure_groups(const FeaturePatterns& patterns, std::span<const FeatureGroup> groups) {
  std::vector<GroupMetrics> metrics(groups.size());
  parallel_for(static_cast<std::int64_t>(groups.size()), 8, [&](std::int64_t begin, std::int64_t end) {
    for (auto g = static_cast<std::size_t>(begin); g < static_cast<std::size_t>(end); ++g) {
      metrics[g] = measure_group(patterns, groups[g].features);
    }
  });
  return metrics;
}

}  // namespace lacuna
