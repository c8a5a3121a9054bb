#include "lacuna/model/device_prompt.hpp"

#include <algorithm>
#include <cstring>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/activation/cuda.hpp"
#include "lacuna/kernels/embedding/cuda.hpp"
#include "lacuna/kernels/norm/cuda.hpp"

namespace lacuna {
namespace {

using kernels::DeviceBuffer;
using kernels::OutputKind;
using kernels::ProductOutput;

constexpr std::int64_t kOctet = 8;  // rows start at multiples of 16 bytes

std::int64_t padded(std::int64_t n) { return (n + kOctet - 1) / kOctet * kOctet; }

std::size_t bytes_of(std::int64_t tokens, std::int64_t cols, std::size_t width) {
  return static_cast<std::size_t>(tokens * cols) * width;
}

const void* address(const DeviceBuffer& buffer) { return buffer.data(); }  // null where it is empty

float* floats(DeviceBuffer& buffer) { return reinterpret_cast<float*>(buffer.data()); }

// Elements of the dense form of a packed product; others: 0.
std::int64_t expanded_size(const DeviceProduct& product) {
  return std::visit(
      [](const auto& w) -> std::int64_t {
        using W = std::decay_t<decltype(w)>;
        if constexpr (std::is_same_v<W, kernels::DeviceRowBundles> || std::is_same_v<W, kernels::DeviceTwoFour>) {
          return w.rows() * padded(w.cols());
        } else if constexpr (std::is_same_v<W, kernels::ColumnStripes>) {
          return static_cast<std::int64_t>(w.bytes() / 2);
        }
        return 0;
      },
      product.weights());
}

bool is_columns(const DeviceProduct& product) { return product.form() == "columns"; }

}  // namespace

DevicePrompt::Rows::Rows(std::int64_t tokens, std::int64_t cols)
    : data(bytes_of(tokens, padded(cols), 2)), stride(padded(cols)) {
  data.fill(0);
}

DevicePrompt::DevicePrompt(const DeviceWeights& weights, std::int64_t most, const kernels::DeviceQueue& queue)
    : weights_(weights),
      queue_(queue),
      host_tokens_(bytes_of(most, 1, sizeof(std::int32_t))),
      tokens_(bytes_of(most, 1, sizeof(std::int32_t))),
      hidden_(bytes_of(most, weights.config.hidden_size, 4)),
      normed_(most, weights.config.hidden_size),
      qkv_(most, weights.config.query_size() + 2 * weights.config.kv_size()),
      context_(most, weights.config.query_size()),
      inner_(most, weights.config.intermediate_size) {
  const DecoderConfig& c = weights.config;
  std::int64_t expanded = 0;
  bool columns = false;
  bool thresholds = false;
  for (const DeviceLayer& layer : weights.layers) {
    for (const DeviceProduct* product : {&layer.qkv, &layer.output, &layer.gate_up, &layer.down}) {
      expanded = std::max(expanded, expanded_size(*product));
      columns = columns || is_columns(*product);
      thresholds = thresholds || product->parts() > 0;
    }
  }
  expanded_ = DeviceBuffer(static_cast<std::size_t>(expanded) * 2);
  if (thresholds) {
    masked_ = DeviceBuffer(std::max({normed_.data.bytes(), context_.data.bytes(), inner_.data.bytes()}));
  }
  if (!columns) return;
  gate_ = DeviceBuffer(bytes_of(most, c.intermediate_size, 4));
  up_ = DeviceBuffer(bytes_of(most, c.intermediate_size, 4));
}

void DevicePrompt::run(std::span<const std::int32_t> tokens, std::int64_t position, const AttentionOf& attention) {
  const DecoderConfig& c = weights_.config;
  n_ = static_cast<std::int64_t>(tokens.size());
  LACUNA_ASSERT(!tokens.empty() && tokens.size_bytes() <= tokens_.bytes());
  std::memcpy(host_tokens_.data(), tokens.data(), tokens.size_bytes());
  queue_.upload(tokens_.data(), host_tokens_.data(), tokens.size_bytes());
  kernels::embed_tokens_cuda(weights_.dtype, weights_.embedding.data(), weights_.embedding.row_stride(), c.hidden_size,
                             reinterpret_cast<const std::int32_t*>(tokens_.data()), n_, floats(hidden_),
                             queue_.stream());
  for (std::int64_t i = 0; i < c.n_layers; ++i) {
    run_layer(weights_.layers[static_cast<std::size_t>(i)], attention(i), position);
  }
  queue_.wait();
}

void DevicePrompt::run_layer(const DeviceLayer& layer, const kernels::DecodeAttention& attention,
                             std::int64_t position) {
  const DecoderConfig& c = weights_.config;
  normalise(layer.attention_norm);
  multiply(layer.qkv, normed_, {qkv_.data.data(), OutputKind::store, address(layer.qkv_bias)}, qkv_.stride);
  kernels::prompt_attention_cuda(
      attention, {qkv_.data.data(), qkv_.stride, context_.data.data(), context_.stride, n_, position}, queue_.stream());
  if (&layer == &weights_.layers.back()) return;  // its keys and values are all that later tokens need
  multiply(layer.output, context_, {hidden_.data(), OutputKind::add_f32, address(layer.output_bias)}, c.hidden_size);
  normalise(layer.mlp_norm);
  run_gate_up(layer);
  multiply(layer.down, inner_, {hidden_.data(), OutputKind::add_f32, address(layer.down_bias)}, c.hidden_size);
}

void DevicePrompt::normalise(const DeviceBuffer& weight) {
  kernels::rms_norm_cuda(weights_.dtype, floats(hidden_), n_, weights_.config.hidden_size,
                         reinterpret_cast<const float*>(weight.data()), weights_.config.norm_epsilon,
                         normed_.data.data(), normed_.stride, queue_.stream());
}

void DevicePrompt::run_gate_up(const DeviceLayer& layer) {
  const std::int64_t size = weights_.config.intermediate_size;
  const auto* bias = static_cast<const std::byte*>(address(layer.gate_up_bias));
  if (!is_columns(layer.gate_up)) {
    return multiply(layer.gate_up, normed_, {inner_.data.data(), OutputKind::gate, bias}, inner_.stride);
  }
  const std::vector<Columns> parts = columns_of(layer.gate_up);
  const std::byte* up_bias = bias == nullptr ? nullptr : bias + size * 2;
  multiply_columns(parts[0], normed_, {gate_.data(), OutputKind::store_f32, bias}, size);
  multiply_columns(parts[1], normed_, {up_.data(), OutputKind::store_f32, up_bias}, size);
  kernels::gate_cuda(weights_.dtype, floats(gate_), floats(up_), n_, size, inner_.data.data(), inner_.stride,
                     queue_.stream());
}

void DevicePrompt::multiply(const DeviceProduct& product, const Rows& input, const ProductOutput& output,
                            std::int64_t y_stride) {
  std::visit(
      [&](const auto& w) {
        using W = std::decay_t<decltype(w)>;
        if constexpr (std::is_same_v<W, kernels::DeviceDense>) {
          multiply_dense({w.dtype(), w.data(), w.rows(), w.cols(), w.row_stride()}, input, output, y_stride);
        } else if constexpr (std::is_same_v<W, DeviceColumns> || std::is_same_v<W, kernels::ColumnStripes>) {
          ProductOutput part = output;
          for (const Columns& columns : columns_of(product)) {
            multiply_columns(columns, input, part, y_stride);
            const std::int64_t width = output.kind == OutputKind::store ? 2 : 4;
            part.y = static_cast<std::byte*>(part.y) + columns.weights.rows * width;
            if (part.bias != nullptr) part.bias = static_cast<const std::byte*>(part.bias) + columns.weights.rows * 2;
          }
        } else {
          const std::int64_t stride = padded(w.cols());
          w.expand(expanded_.data(), stride, queue_.stream());
          kernels::gemm_cuda({w.dtype(), expanded_.data(), w.rows(), w.cols(), stride},
                             {thresholded(input, product.packed_threshold()), n_, input.stride}, output, y_stride,
                             queue_.stream());
        }
      },
      product.weights());
}

void DevicePrompt::multiply_dense(const kernels::GemmWeights& weights, const Rows& input, const ProductOutput& output,
                                  std::int64_t y_stride) {
  kernels::gemm_cuda(weights, {input.data.data(), n_, input.stride}, output, y_stride, queue_.stream());
}

std::vector<DevicePrompt::Columns> DevicePrompt::columns_of(const DeviceProduct& product) {
  std::vector<Columns> made;
  if (const auto* columns = std::get_if<DeviceColumns>(&product.weights())) {
    for (const DeviceColumns::Part& p : columns->parts) {
      made.push_back({{columns->dtype, p.weights.data(), p.rows, columns->cols, p.stride, true}, p.threshold});
    }
    return made;
  }
  const auto& stripes = std::get<kernels::ColumnStripes>(product.weights());
  std::vector<kernels::ColumnsView> views;
  std::byte* at = expanded_.data();
  for (std::size_t i = 0; i < stripes.rows().size(); ++i) {
    const std::int64_t rows = stripes.rows()[i];
    views.push_back({at, rows});
    made.push_back({{stripes.dtype(), at, rows, stripes.cols(), rows, true}, product.threshold(i)});
    at += rows * stripes.cols() * 2;
  }
  stripes.expand(views, queue_.stream());
  return made;
}

void DevicePrompt::multiply_columns(const Columns& columns, const Rows& input, const ProductOutput& output,
                                    std::int64_t y_stride) {
  kernels::gemm_cuda(columns.weights, {thresholded(input, columns.threshold), n_, input.stride}, output, y_stride,
                     queue_.stream());
}

const void* DevicePrompt::thresholded(const Rows& input, float threshold) {
  if (threshold <= 0.0F) return input.data.data();
  kernels::zero_below_cuda(weights_.dtype, input.data.data(), n_ * input.stride, threshold, masked_.data(),
                           queue_.stream());
  return masked_.data();
}

}  // namespace lacuna
