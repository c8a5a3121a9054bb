#include "lacuna/model/device_decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/attention/cuda.hpp"
#include "lacuna/kernels/embedding/cuda.hpp"
#include "lacuna/model/rope.hpp"

namespace lacuna {
namespace {

using kernels::DeviceBuffer;
using kernels::InputKind;
using kernels::OutputKind;
using kernels::ProductInput;
using kernels::ProductOutput;

DeviceBuffer elements(std::int64_t n, std::size_t width) { return DeviceBuffer(static_cast<std::size_t>(n) * width); }

const void* address(const DeviceBuffer& buffer) { return buffer.data(); }  // null where it is empty

const float* floats(const DeviceBuffer& buffer) { return reinterpret_cast<const float*>(buffer.data()); }

float widen(DType dtype, std::uint16_t bits) { return dtype == DType::f16 ? f16_to_f32(bits) : bf16_to_f32(bits); }

}  // namespace

DeviceDecoder::DeviceDecoder(DeviceWeights weights)
    : weights_(with_stripes(std::move(weights))), overlap_(weights_.overlap()) {
  const DecoderConfig& c = weights_.config;
  state_ = DeviceBuffer(sizeof(State));
  hidden_ = elements(c.hidden_size, 4);
  qkv_ = elements(c.query_size() + 2 * c.kv_size(), 2);
  context_ = elements(c.query_size(), 2);
  inner_ = elements(c.intermediate_size, 2);
  logits_ = elements(c.vocab_size, 4);
  scratch_ = DeviceBuffer(kernels::decode_attention_scratch_bytes(c.n_heads, c.head_dim));
  scratch_.fill(0);
  if (std::holds_alternative<kernels::ColumnStripes>(weights_.layers.front().qkv.weights()))
    layers_.emplace(layers_shape(weights_));
  host_state_ = kernels::HostBuffer(sizeof(State));
  host_logits_ = kernels::HostBuffer(static_cast<std::size_t>(c.vocab_size) * 4);
}

void DeviceDecoder::start(std::int64_t capacity) {
  position_ = 0;
  const DecoderConfig& c = weights_.config;
  const bool fits =
      capacity == capacity_ || (capacity < capacity_ && c.rope.scaling != RopeScaling::dynamic &&
                                c.rope.scaling != RopeScaling::longrope);  // whose frequencies depend on the capacity
  if (fits) return;
  step_ = kernels::DeviceGraph();
  prompt_step_ = kernels::DeviceGraph();
  capacity_ = 0;            // until all of it is there
  cache_ = DeviceBuffer();  // before the new one is allocated
  cache_ = elements(c.n_layers * 2 * capacity * c.kv_size(), 2);
  RopeTables tables(c.rope, c.head_dim);
  const auto table = tables.for_length(capacity);
  const auto bytes = static_cast<std::size_t>(capacity * (c.head_dim / 2)) * 4;
  cosines_ = DeviceBuffer(table.cosines.data, bytes);
  sines_ = DeviceBuffer(table.sines.data, bytes);
  capacity_ = capacity;
}

std::span<const float> DeviceDecoder::advance(std::span<const std::int32_t> tokens, const RunContext& context) {
  LACUNA_ASSERT(!tokens.empty() && position_ + static_cast<std::int64_t>(tokens.size()) <= capacity_);
  for (std::size_t i = 0; i < tokens.size(); ++i) check_token(tokens[i], i);
  if (step_.empty()) record();
  for (std::size_t i = run_prompt(tokens.first(tokens.size() - 1), context); i < tokens.size(); ++i) {
    context.check_stop();
    set_state(tokens[i]);
    (i + 1 == tokens.size() ? step_ : prompt_step_).launch(queue_);
    queue_.wait();
    ++position_;
  }
  return {reinterpret_cast<const float*>(host_logits_.data()), static_cast<std::size_t>(weights_.config.vocab_size)};
}

void DeviceDecoder::set_prompt_tokens(std::int64_t tokens) {
  prompt_tokens_ = tokens;
  prompt_.reset();
}

// Chunks as long as a chunk pays; returns how many tokens they took.
std::size_t DeviceDecoder::run_prompt(std::span<const std::int32_t> tokens, const RunContext& context) {
  constexpr std::size_t kLeastTokens = 8;  // a chunk takes about as long as that many steps
  const auto most = static_cast<std::size_t>(prompt_tokens_);
  std::size_t done = 0;
  while (most > 0 && tokens.size() - done >= kLeastTokens) {
    context.check_stop();
    if (!prompt_) prompt_.emplace(weights_, prompt_tokens_, queue_);
    const auto chunk = tokens.subspan(done, std::min(most, tokens.size() - done));
    prompt_->run(chunk, position_, [&](std::int64_t layer) { return attention_of(layer); });
    done += chunk.size();
    position_ += static_cast<std::int64_t>(chunk.size());
  }
  return done;
}

void DeviceDecoder::set_thresholds(std::span<const InputThreshold> thresholds) {
  step_ = kernels::DeviceGraph();  // thresholds are parameters of the recorded launches
  prompt_step_ = kernels::DeviceGraph();
  for (const auto& [layer, component, threshold] : thresholds) {
    const bool known = 0 <= layer && layer < weights_.config.n_layers;
    const auto specs = known ? layer_linears(weights_.config, layer) : std::vector<LinearSpec>{};
    const auto found =
        std::find_if(specs.begin(), specs.end(), [&](const LinearSpec& spec) { return spec.component == component; });
    if (found == specs.end()) {
      throw Error(ErrorCode::missing_tensor,
                  fmt::format("a threshold for layer {} {}, which the model does not have", layer, component));
    }
    if (!std::isfinite(threshold) || threshold < 0.0F) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("layer {} {}: expected a threshold of at least 0, got {}", layer, component, threshold));
    }
    const auto part =
        std::count_if(specs.begin(), found, [&](const LinearSpec& spec) { return spec.group == found->group; });
    weights_.layers[static_cast<std::size_t>(layer)]
        .product(found->group)
        .set_threshold(static_cast<std::size_t>(part), threshold);
  }
}

void DeviceDecoder::set_group_threshold(std::int64_t layer, InputGroup group, float threshold) {
  DeviceProduct& product = weights_.layers[static_cast<std::size_t>(layer)].product(group);
  for (std::size_t part = 0; part < product.parts(); ++part) product.set_threshold(part, threshold);
  step_ = kernels::DeviceGraph();
  prompt_step_ = kernels::DeviceGraph();
}

void DeviceDecoder::observe(std::int32_t token, const DeviceTap& tap) {
  LACUNA_ASSERT(position_ < capacity_);
  check_token(token, 0);
  set_state(token);
  run_step(false, tap);
  queue_.wait();
  ++position_;
}

void DeviceDecoder::check_token(std::int32_t token, std::size_t index) const {
  if (token >= 0 && token < weights_.config.vocab_size) return;
  throw Error(ErrorCode::bad_token, fmt::format("token {} of the input: expected an id from 0 to {}, found {}", index,
                                                weights_.config.vocab_size - 1, token));
}

void DeviceDecoder::set_state(std::int32_t token) {
  const State state{token, static_cast<std::int32_t>(position_)};
  std::memcpy(host_state_.data(), &state, sizeof state);
}

// The first step runs unrecorded: the driver loads kernels when they are launched first. It is run again.
void DeviceDecoder::record() {
  if (layers_) {
    std::vector<kernels::DecodeLayer> table;
    for (std::int64_t i = 0; i < weights_.config.n_layers; ++i)
      table.push_back(layer_of_stripes(weights_, i, attention_of(i)));
    layers_->set_layers(table);
  }
  set_state(0);
  run_step(true, {});
  queue_.wait();
  step_ = kernels::DeviceGraph::record(queue_, [&] { run_step(true, {}); });
  prompt_step_ = kernels::DeviceGraph::record(queue_, [&] { run_step(false, {}); });
}

void DeviceDecoder::run_step(bool with_logits, const DeviceTap& tap) {
  const DecoderConfig& c = weights_.config;
  queue_.upload(state_.data(), host_state_.data(), sizeof(State));
  const auto* token = reinterpret_cast<const std::int32_t*>(state_.data());
  auto* hidden = reinterpret_cast<float*>(hidden_.data());
  kernels::embed_tokens_cuda(weights_.dtype, weights_.embedding.data(), weights_.embedding.row_stride(), c.hidden_size,
                             token, 1, hidden, queue_.stream());
  const float* last = hidden;
  if (layers_ && !tap) {
    layers_->run(reinterpret_cast<const std::int32_t*>(state_.data() + offsetof(State, position)), hidden,
                 queue_.stream());
    last = layers_->output();
  } else {
    for (std::int64_t i = 0; i < c.n_layers; ++i) run_layer(i, tap);
  }
  if (!with_logits) return;
  const ProductInput input{last, InputKind::normalised, floats(weights_.final_norm), c.norm_epsilon};
  const ProductOutput output{logits_.data(), OutputKind::store_f32};
  if (weights_.head) {
    weights_.head->run(input, output, launch());
  } else {
    weights_.embedding.multiply(input, output, queue_.stream(), overlap_);
  }
  queue_.download(host_logits_.data(), logits_.data(), logits_.bytes());
}

void DeviceDecoder::run_layer(std::int64_t index, const DeviceTap& tap) {
  const DecoderConfig& c = weights_.config;
  const DeviceLayer& layer = weights_.layers[static_cast<std::size_t>(index)];
  const auto show = [&](InputGroup group, const ProductInput& input, std::int64_t cols) {
    if (tap) tap(index, group, read_input(input, cols));
  };
  const ProductInput attention_input{hidden_.data(), InputKind::normalised, floats(layer.attention_norm),
                                     c.norm_epsilon};
  show(InputGroup::attention, attention_input, c.hidden_size);
  layer.qkv.run(attention_input, {qkv_.data(), OutputKind::store, address(layer.qkv_bias)}, launch());
  const auto* position = reinterpret_cast<const std::int32_t*>(state_.data() + offsetof(State, position));
  kernels::decode_attention_cuda(attention_of(index), qkv_.data(), position, context_.data(), queue_.stream(),
                                 overlap_);

  const ProductInput context{context_.data()};
  show(InputGroup::attention_output, context, c.query_size());
  layer.output.run(context, {hidden_.data(), OutputKind::add_f32, address(layer.output_bias)}, launch());

  const ProductInput mlp_input{hidden_.data(), InputKind::normalised, floats(layer.mlp_norm), c.norm_epsilon};
  show(InputGroup::mlp, mlp_input, c.hidden_size);
  layer.gate_up.run_gate(mlp_input, address(layer.gate_up_bias), inner_.data(), launch());
  const ProductInput inner{inner_.data()};
  show(InputGroup::mlp_output, inner, c.intermediate_size);
  layer.down.run(inner, {hidden_.data(), OutputKind::add_f32, address(layer.down_bias)}, launch());
}

kernels::DecodeAttention DeviceDecoder::attention_of(std::int64_t index) {
  const DecoderConfig& c = weights_.config;
  const DeviceLayer& layer = weights_.layers[static_cast<std::size_t>(index)];
  const std::int64_t bytes = capacity_ * c.kv_size() * 2;  // of a layer's keys
  kernels::DecodeAttention attention;
  attention.dtype = weights_.dtype;
  attention.heads = c.n_heads;
  attention.kv_heads = c.n_kv_heads;
  attention.head_dim = c.head_dim;
  attention.capacity = capacity_;
  attention.window = c.windows[static_cast<std::size_t>(index)];
  attention.scale = 1.0F / std::sqrt(static_cast<float>(c.head_dim));
  attention.epsilon = c.norm_epsilon;
  attention.query_norm = floats(layer.query_norm);
  attention.key_norm = floats(layer.key_norm);
  attention.cosines = floats(cosines_);
  attention.sines = floats(sines_);
  attention.keys = cache_.data() + 2 * index * bytes;
  attention.scratch = scratch_.data();
  attention.values = cache_.data() + (2 * index + 1) * bytes;
  return attention;
}

// What a product reads, once everything launched has ended: device/ends.hpp, on the host.
std::vector<float> DeviceDecoder::read_input(const ProductInput& input, std::int64_t cols) const {
  queue_.wait();
  const auto n = static_cast<std::size_t>(cols);
  std::vector<float> values(n);
  if (input.kind == InputKind::normalised) {
    std::vector<float> weight(n);
    queue_.download(values.data(), input.x, n * 4);
    queue_.download(weight.data(), input.norm_weight, n * 4);
    queue_.wait();
    double squares = 0.0;
    for (const float v : values) squares += static_cast<double>(v) * static_cast<double>(v);
    const float scale = 1.0F / std::sqrt(static_cast<float>(squares / static_cast<double>(cols)) + input.epsilon);
    for (std::size_t i = 0; i < n; ++i) values[i] = weight[i] * (values[i] * scale);
    return values;
  }
  std::vector<std::uint16_t> narrow(n);
  queue_.download(narrow.data(), input.x, n * 2);
  queue_.wait();
  std::transform(narrow.begin(), narrow.end(), values.begin(),
                 [&](std::uint16_t bits) { return widen(weights_.dtype, bits); });
  return values;
}

}  // namespace lacuna
