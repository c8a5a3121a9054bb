#include "lacuna/model/device_product.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <span>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/transpose/cuda.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kStrideElements = 8;  // columns start at multiples of 16 bytes

kernels::SparseInput sparse_input(const DeviceColumns& columns, const kernels::ProductInput& input) {
  return {columns.dtype, input.x, columns.cols, 1, input.norm_weight, input.epsilon};
}

void run_columns(const DeviceColumns& columns, const kernels::ProductInput& input, const kernels::ProductOutput& output,
                 const DeviceLaunch& launch) {
  LACUNA_ASSERT(columns.parts.size() <= 3);
  std::array<kernels::SparseProduct, 3> products;
  auto* y = static_cast<std::byte*>(output.y);
  const auto* bias = static_cast<const std::byte*>(output.bias);
  const std::size_t width = output.kind == kernels::OutputKind::store ? 2 : 4;
  for (std::size_t i = 0; i < columns.parts.size(); ++i) {
    const DeviceColumns::Part& part = columns.parts[i];
    products[i] = {part.weights.data(), part.rows, part.stride, part.threshold, bias, y, output.kind};
    y += static_cast<std::size_t>(part.rows) * width;
    if (bias != nullptr) bias += part.rows * 2;
  }
  kernels::SparseGemvOptions options = columns.options;
  options.overlap = launch.overlap;
  kernels::sparse_gemv_cuda(sparse_input(columns, input), std::span(products).first(columns.parts.size()),
                            launch.stream, options);
}

void run_gate_columns(const DeviceColumns& columns, const kernels::ProductInput& input, const void* bias, void* y,
                      const DeviceLaunch& launch) {
  LACUNA_ASSERT(columns.parts.size() == 2);
  std::array<kernels::SparseProduct, 2> products;
  const auto* part_bias = static_cast<const std::byte*>(bias);
  for (std::size_t i = 0; i < 2; ++i) {
    const DeviceColumns::Part& part = columns.parts[i];
    products[i] = {part.weights.data(), part.rows, part.stride, part.threshold, part_bias};
    if (part_bias != nullptr) part_bias += part.rows * 2;
  }
  kernels::SparseGemvOptions options = columns.options;
  options.overlap = launch.overlap;
  kernels::sparse_gate_up_cuda(sparse_input(columns, input), products[0], products[1], y, launch.stream, options);
}

}  // namespace

DeviceColumns make_device_columns(const kernels::DeviceDense& dense, const std::vector<std::int64_t>& rows) {
  DeviceColumns columns;
  columns.dtype = dense.dtype();
  columns.cols = dense.cols();
  std::int64_t first = 0;
  for (const std::int64_t n : rows) {
    DeviceColumns::Part part;
    part.rows = n;
    part.stride = (n + kStrideElements - 1) / kStrideElements * kStrideElements;
    part.weights = kernels::DeviceBuffer(static_cast<std::size_t>(part.stride * columns.cols) * 2);
    kernels::transpose_16_cuda(dense.data() + first * dense.row_stride() * 2, n, columns.cols, dense.row_stride(),
                               part.weights.data(), part.stride);
    first += n;
    columns.parts.push_back(std::move(part));
  }
  kernels::synchronize_device();
  return columns;
}

DeviceColumns DeviceProduct::make_columns() const {
  const auto& stripes = std::get<kernels::ColumnStripes>(weights_);
  DeviceColumns columns;
  columns.dtype = stripes.dtype();
  columns.cols = stripes.cols();
  std::vector<kernels::ColumnsView> views;
  for (std::size_t i = 0; i < thresholds_.size(); ++i) {
    DeviceColumns::Part part;
    part.rows = part.stride = stripes.rows()[i];
    part.threshold = thresholds_[i];
    part.weights = kernels::DeviceBuffer(static_cast<std::size_t>(part.rows * columns.cols) * 2);
    views.push_back({part.weights.data(), part.stride});
    columns.parts.push_back(std::move(part));
  }
  stripes.expand(views);
  kernels::synchronize_device();
  return columns;
}

void DeviceProduct::run(const kernels::ProductInput& input, const kernels::ProductOutput& output,
                        const DeviceLaunch& launch) const {
  std::visit(
      [&](const auto& weights) {
        if constexpr (std::is_same_v<std::decay_t<decltype(weights)>, DeviceColumns>) {
          run_columns(weights, input, output, launch);
        } else if constexpr (std::is_same_v<std::decay_t<decltype(weights)>, kernels::ColumnStripes>) {
          const DeviceColumns columns = make_columns();
          run_columns(columns, input, output, launch);
          kernels::synchronize_device();  // before they are freed
        } else {
          kernels::ProductInput thresholded = input;
          thresholded.threshold = packed_threshold();
          weights.multiply(thresholded, output, launch.stream, launch.overlap);
        }
      },
      weights_);
}

void DeviceProduct::run_gate(const kernels::ProductInput& input, const void* bias, void* y,
                             const DeviceLaunch& launch) const {
  if (const auto* columns = std::get_if<DeviceColumns>(&weights_)) {
    return run_gate_columns(*columns, input, bias, y, launch);
  }
  if (std::holds_alternative<kernels::ColumnStripes>(weights_)) {
    const DeviceColumns columns = make_columns();
    run_gate_columns(columns, input, bias, y, launch);
    return kernels::synchronize_device();  // before they are freed
  }
  run(input, {y, kernels::OutputKind::gate, bias}, launch);
}

void DeviceProduct::take_thresholds(std::size_t linears) {
  LACUNA_ASSERT(std::holds_alternative<kernels::DeviceRowBundles>(weights_) ||
                std::holds_alternative<kernels::DeviceTwoFour>(weights_));
  thresholds_.assign(linears, -1.0F);
}

std::size_t DeviceProduct::parts() const {
  if (const auto* columns = std::get_if<DeviceColumns>(&weights_)) return columns->parts.size();
  return thresholds_.size();
}

void DeviceProduct::check_part(std::size_t part) const {
  if (part >= parts()) throw Error(ErrorCode::invalid_argument, "a threshold for weights that take none");
}

float DeviceProduct::threshold(std::size_t part) const {
  check_part(part);
  const auto* columns = std::get_if<DeviceColumns>(&weights_);
  return columns == nullptr ? thresholds_[part] : columns->parts[part].threshold;
}

void DeviceProduct::set_threshold(std::size_t part, float threshold) {
  check_part(part);
  auto* columns = std::get_if<DeviceColumns>(&weights_);
  (columns == nullptr ? thresholds_[part] : columns->parts[part].threshold) = threshold;
}

float DeviceProduct::packed_threshold() const {
  if (thresholds_.empty()) return -1.0F;
  if (std::adjacent_find(thresholds_.begin(), thresholds_.end(), std::not_equal_to<>()) != thresholds_.end()) {
    throw Error(ErrorCode::invalid_argument, "packed linears of one input with different thresholds");
  }
  return thresholds_.front();
}

void DeviceProduct::make_stripes(bool gated) {
  const auto& columns = std::get<DeviceColumns>(weights_);
  std::vector<std::int64_t> rows;
  std::vector<float> thresholds;
  std::vector<kernels::ColumnsView> views;
  for (const DeviceColumns::Part& part : columns.parts) {
    thresholds.push_back(part.threshold);
    rows.push_back(part.rows);
    views.push_back({const_cast<std::byte*>(part.weights.data()), part.stride});
  }
  kernels::ColumnStripes stripes(columns.dtype, std::move(rows), columns.cols, gated);
  stripes.fill(views);
  weights_ = std::move(stripes);
  thresholds_ = std::move(thresholds);
}

void DeviceProduct::set_options(const kernels::SparseGemvOptions& options) {
  if (auto* columns = std::get_if<DeviceColumns>(&weights_)) columns->options = options;
}

std::string_view DeviceProduct::form() const {
  constexpr std::array<std::string_view, 5> kNames = {"dense", "bundles", "two_four", "columns", "columns"};
  return kNames[weights_.index()];
}

bool DeviceProduct::fits_two() const {
  return std::visit(
      [](const auto& weights) {
        if constexpr (std::is_same_v<std::decay_t<decltype(weights)>, DeviceColumns>) {
          return false;
        } else if constexpr (std::is_same_v<std::decay_t<decltype(weights)>, kernels::ColumnStripes>) {
          return true;  // it shares nothing with other launches
        } else {
          return weights.fits_two();
        }
      },
      weights_);
}

std::size_t DeviceProduct::bytes() const {
  return std::visit(
      [](const auto& weights) {
        if constexpr (std::is_same_v<std::decay_t<decltype(weights)>, DeviceColumns>) {
          std::size_t bytes = 0;
          for (const auto& part : weights.parts) bytes += part.weights.bytes();
          return bytes;
        } else {
          return weights.bytes();
        }
      },
      weights_);
}

}  // namespace lacuna
