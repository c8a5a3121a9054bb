#include "lacuna/model/column_products.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lacuna/kernels/sparse_gemv/column_panels.hpp"
#include "lacuna/kernels/sparse_gemv/gate_up.hpp"
#include "lacuna/kernels/sparse_gemv/packed_columns.hpp"

namespace lacuna {
namespace {

std::int64_t count_up_to(MatrixView<const float> x, float threshold) {
  std::int64_t count = 0;
  for (std::int64_t r = 0; r < x.rows; ++r) {
    std::int32_t of_row = 0;
    for (std::int64_t c = 0; c < x.cols; ++c) of_row += static_cast<std::int32_t>(std::fabs(x(r, c)) <= threshold);
    count += of_row;
  }
  return count;
}

const float* bias_of(const Linear& linear) { return linear.bias.empty() ? nullptr : linear.bias.data(); }

kernels::ColumnFactor factor(const Linear& linear) {
  return {linear.columns.get(), linear.input_threshold, bias_of(linear)};
}

}  // namespace

bool ColumnProducts::multiply(MatrixView<const float> x, std::span<const Target> targets) {
  if (x.rows > kMostRows) return false;
  if (!std::ranges::all_of(targets, [](const Target& target) { return target.linear->has_columns(); })) return false;
  std::vector<kernels::ColumnPanels::Part> parts;
  std::vector<kernels::PackedColumns::Part> packed_parts;
  for (const Target& target : targets) {
    const Linear& linear = *target.linear;
    const float* bias = bias_of(linear);
    if (linear.packed_columns != nullptr) {
      linear.packed_columns->append(linear.input_threshold, bias, target.y, target.accumulate, packed_parts);
    } else {
      linear.columns->append(linear.input_threshold, bias, target.y, target.accumulate, parts);
    }
  }
  if (!parts.empty()) kernels::sparse_gemv(x, parts);
  if (!packed_parts.empty()) kernels::packed_columns_gemv(x, packed_parts);
  count_skipped(x, targets);
  return true;
}

bool ColumnProducts::multiply_gated(MatrixView<const float> x, const GatedTarget& target) {
  const Target targets[] = {{target.gate, target.y}, {target.up, target.scratch}};
  if (x.rows <= kMostRows && target.gate->columns != nullptr && target.up->columns != nullptr) {
    kernels::sparse_gate_up(x, {factor(*target.gate), factor(*target.up), target.activation, target.y, target.scratch});
    count_skipped(x, targets);
    return true;
  }
  if (!multiply(x, targets)) return false;
  for (std::int64_t r = 0; r < x.rows; ++r) {
    const auto n = static_cast<std::size_t>(target.y.cols);
    kernels::activate_gated(target.activation, {target.y.row(r), n}, {target.scratch.row(r), n});
  }
  return true;
}

void ColumnProducts::count(std::int64_t zeros, std::int64_t size, std::int64_t rows) {
  skipped_ += static_cast<double>(zeros) * static_cast<double>(rows);
  products_ += static_cast<double>(size) * static_cast<double>(rows);
}

std::optional<double> ColumnProducts::skipped_weights() const {
  if (products_ == 0.0) return std::nullopt;
  return skipped_ / products_;
}

void ColumnProducts::count_skipped(MatrixView<const float> x, std::span<const Target> targets) {
  float counted = kNoThreshold;
  std::int64_t zeros = 0;
  for (const Target& target : targets) {
    const float threshold = target.linear->input_threshold;
    if (threshold < 0.0F) continue;
    if (threshold != counted) zeros = count_up_to(x, threshold);
    counted = threshold;
    count(zeros, x.numel(), target.linear->rows());
  }
}

}  // namespace lacuna
