// The k nearest of a stream of candidates that come in ascending order of index. Internal to cluster.
//
// Keeps up to 2k + 32 entries; when they are full the farther ones are dropped, and the distance of the k-th becomes
// the limit that later candidates must stay below: a later candidate at the same distance has a higher index and loses.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace lacuna {

// Orders by distance, then index.
inline std::uint64_t ranked(std::uint32_t distance, std::uint32_t index) {
  return (std::uint64_t{distance} << 32U) | index;
}
inline std::uint32_t ranked_distance(std::uint64_t key) { return static_cast<std::uint32_t>(key >> 32U); }
inline std::uint32_t ranked_index(std::uint64_t key) { return static_cast<std::uint32_t>(key); }

class Nearest {
 public:
  // Never keeps `self`, nor a candidate at `limit` or above.
  Nearest(std::uint32_t self, std::int64_t k, std::uint32_t limit = std::numeric_limits<std::uint32_t>::max())
      : self_(self), k_(static_cast<std::size_t>(k)), limit_(k == 0 ? 0 : limit) {
    kept_.reserve(2 * k_ + 32);
  }

  std::uint32_t limit() const { return limit_; }

  void add(const std::uint32_t* distances, const std::uint32_t* indices, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
      if (indices[i] == self_ || distances[i] >= limit_) continue;
      kept_.push_back(ranked(distances[i], indices[i]));
      if (kept_.size() >= 2 * k_ + 32) drop_farthest();
    }
  }

  // Ascending; at most k.
  const std::vector<std::uint64_t>& sorted() {
    drop_farthest();
    std::sort(kept_.begin(), kept_.end());
    return kept_;
  }

 private:
  void drop_farthest() {
    if (kept_.size() <= k_ || k_ == 0) return;
    std::nth_element(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(k_ - 1), kept_.end());
    kept_.resize(k_);
    limit_ = ranked_distance(kept_.back());
  }

  std::uint32_t self_;
  std::size_t k_;
  std::uint32_t limit_;
  std::vector<std::uint64_t> kept_;
};

}  // namespace lacuna
