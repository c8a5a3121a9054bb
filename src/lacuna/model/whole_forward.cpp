#include "lacuna/model/whole_forward.hpp"

#include <fmt/format.h>

#include <cmath>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

void report_layer(const char* work, std::int64_t layer, std::size_t layers, const RunContext& context) {
  const auto done = static_cast<std::uint64_t>(layer) + 1;
  context.report({work, "", "layers", done, layers, static_cast<double>(done) / static_cast<double>(layers)});
}

}  // namespace

WholeForward::WholeForward(const Decoder& decoder, Compute compute)
    : decoder_(&decoder), forward_(decoder.config(), compute), head_(decoder, compute) {
  for (std::int64_t layer = 0; layer < decoder.config().n_layers; ++layer) {
    layers_.push_back(decoder.load_layer(layer, WeightStorage::mapped));
  }
}

void WholeForward::set_thresholds(std::span<const InputThreshold> thresholds) {
  for (const auto& [layer, component, threshold] : thresholds) {
    const bool known = 0 <= layer && layer < static_cast<std::int64_t>(layers_.size());
    Linear* linear = known ? layers_[static_cast<std::size_t>(layer)].find(component) : nullptr;
    if (linear == nullptr) {
      throw Error(ErrorCode::missing_tensor,
                  fmt::format("a threshold for layer {} {}, which the model does not have", layer, component));
    }
    if (!std::isfinite(threshold) || threshold < 0.0F) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("layer {} {}: expected a threshold of at least 0, got {}", layer, component, threshold));
    }
    linear->input_threshold = threshold;
  }
}

Conversion WholeForward::store_columns(const RunContext& context, const LinearFilter& wanted) {
  Conversion stored;
  for (auto& layer : layers_) {
    context.check_stop();
    for (auto& linear : layer.linears) {
      if (linear.input_threshold < 0.0F || (wanted && !wanted(layer, linear))) continue;
      make_columns(linear);
      stored.linears += 1;
      stored.bytes += linear.packed_columns != nullptr ? linear.packed->plan().dense_bytes() : linear.columns->bytes();
    }
    report_layer("store columns", layer.index, layers_.size(), context);
  }
  return stored;
}

Conversion WholeForward::expand_packed(const LinearFilter& wanted, const RunContext& context) {
  Conversion expanded;
  for (auto& layer : layers_) {
    context.check_stop();
    for (auto& linear : layer.linears) {
      if (linear.packed == nullptr || !wanted(layer, linear)) continue;
      const PackingPlan plan = linear.packed->plan();
      expanded_.emplace_back(plan.dense_bytes());
      linear.packed->unpack(expanded_.back().data());
      linear.stored = make_tensor_view(plan.dtype, {plan.rows, plan.cols}, expanded_.back().data());
      linear.packed = nullptr;
      expanded.linears += 1;
      expanded.bytes += plan.dense_bytes();
    }
    if (expanded.linears > 0) report_layer("expand packed weights", layer.index, layers_.size(), context);
  }
  return expanded;
}

Conversion WholeForward::slice_rows(const RunContext& context) {
  Conversion sliced;
  for (auto& layer : layers_) {
    context.check_stop();
    for (auto& linear : layer.linears) {
      if (linear.has_columns()) continue;
      linear.slices = make_slices(linear);
      if (linear.slices == nullptr) continue;
      sliced.linears += 1;
      sliced.bytes += linear.packed->plan().dense_bytes();
    }
    if (sliced.linears > 0) report_layer("slice packed weights", layer.index, layers_.size(), context);
  }
  return sliced;
}

Matrix<float> WholeForward::states(std::span<const std::int32_t> tokens, std::int64_t length,
                                   const RunContext& context) {
  Matrix<float> hidden(static_cast<std::int64_t>(tokens.size()), decoder_->config().hidden_size);
  decoder_->embed(tokens, length, hidden.view());
  for (const auto& layer : layers_) {
    context.check_stop();
    forward_.run(layer, hidden.view(), length);
  }
  return head_.states(hidden.view());
}

Matrix<float> WholeForward::extend(std::span<const std::int32_t> tokens, KvCache& cache, const RunContext& context) {
  const auto count = static_cast<std::int64_t>(tokens.size());
  Matrix<float> hidden(count, decoder_->config().hidden_size);
  decoder_->embed(tokens, count, hidden.view(), cache.length());
  for (const auto& layer : layers_) {
    context.check_stop();
    forward_.extend(layer, hidden.view(), cache);
  }
  cache.advance(count);
  return head_.states(hidden.view());
}

}  // namespace lacuna
