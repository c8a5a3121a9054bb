// The columns that a product must read, with their inputs side by side.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

// kPadding entries beyond `count` repeat the last column: prefetching may name them, sums may not.
struct ActiveColumns {
  static constexpr std::int64_t kPadding = 32;

  std::int64_t count = 0;
  std::int64_t batch = 1;
  AlignedBuffer<std::int32_t> columns;
  AlignedBuffer<float> inputs;  // count×batch; 0 where a column is active for another row of the batch only
};

// The columns of x, up to 8 rows, that are active in any of them: where not |x| ≤ threshold.
ActiveColumns active_columns(MatrixView<const float> x, float threshold);

// The lists of one input: one for each threshold.
class ActiveLists {
 public:
  explicit ActiveLists(MatrixView<const float> x) : x_(x) {}

  const ActiveColumns& of(float threshold) {  // valid as long as this object
    for (std::size_t i = 0; i < lists_.size(); ++i) {
      if (thresholds_[i] == threshold) return lists_[i];
    }
    thresholds_.push_back(threshold);
    return lists_.emplace_back(active_columns(x_, threshold));
  }

 private:
  MatrixView<const float> x_;
  std::deque<ActiveColumns> lists_;
  std::vector<float> thresholds_;
};

}  // namespace lacuna::kernels
