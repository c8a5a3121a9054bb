// The columns that a product must read, with their inputs side by side.
#pragma once

#include <cmath>
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

// Entries of one row that are active, and their columns. Without a branch: half of them would be foretold wrongly.
inline std::int64_t list_active(const float* x, std::int64_t cols, float threshold, std::int32_t* columns,
                                float* inputs) {
  std::int64_t n = 0;
  for (std::int64_t j = 0; j < cols; ++j) {
    columns[n] = static_cast<std::int32_t>(j);
    inputs[n] = x[j];
    n += static_cast<std::int64_t>(!(std::fabs(x[j]) <= threshold));
  }
  return n;
}

// The same for several rows: a column is listed where it is active in any of them.
inline std::int64_t list_active(MatrixView<const float> x, float threshold, std::int32_t* columns, float* inputs) {
  std::int64_t n = 0;
  for (std::int64_t j = 0; j < x.cols; ++j) {
    columns[n] = static_cast<std::int32_t>(j);
    bool any = false;
    for (std::int64_t b = 0; b < x.rows; ++b) {
      const bool is_active = !(std::fabs(x(b, j)) <= threshold);
      inputs[n * x.rows + b] = is_active ? x(b, j) : 0.0F;
      any |= is_active;
    }
    n += static_cast<std::int64_t>(any);
  }
  return n;
}

inline ActiveColumns active_columns(MatrixView<const float> x, float threshold) {
  ActiveColumns active;
  active.batch = x.rows;
  active.columns = AlignedBuffer<std::int32_t>(static_cast<std::size_t>(x.cols + ActiveColumns::kPadding));
  active.inputs = AlignedBuffer<float>(static_cast<std::size_t>((x.cols + 1) * x.rows));
  const std::int64_t n = x.rows == 1
                             ? list_active(x.data, x.cols, threshold, active.columns.data(), active.inputs.data())
                             : list_active(x, threshold, active.columns.data(), active.inputs.data());
  active.count = n;
  const std::int32_t last = n == 0 ? 0 : active.columns[static_cast<std::size_t>(n - 1)];
  for (std::int64_t i = 0; i < ActiveColumns::kPadding; ++i) active.columns[static_cast<std::size_t>(n + i)] = last;
  return active;
}

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
