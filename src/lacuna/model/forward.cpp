#include "lacuna/model/forward.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/activation/activation.hpp"
#include "lacuna/kernels/attention/attention.hpp"
#include "lacuna/kernels/norm/norm.hpp"
#include "lacuna/kernels/threshold/threshold.hpp"
#include "lacuna/model/kv_cache.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kChunkTokens = 2048;         // enough rows for GEMM to reach its peak
constexpr std::uint64_t kChunkBytes = 64ULL << 20;  // and scratch that fits beside a layer
constexpr std::int64_t kUpBlockRows = 512;          // rows of the second MLP matrix held at once

// The first rows×cols elements of a buffer that grows when it must.
MatrixView<float> scratch(AlignedBuffer<float>& buffer, std::int64_t rows, std::int64_t cols) {
  const auto size = static_cast<std::size_t>(rows * cols);
  if (buffer.size() < size) buffer = AlignedBuffer<float>(size);
  return {buffer.data(), rows, cols};
}

std::span<float> flat(MatrixView<float> m) { return {m.data, static_cast<std::size_t>(m.numel())}; }

}  // namespace

// Some sequences of a batch on their way through a layer.
struct LayerForward::Chunk {
  MatrixView<float> hidden;         // the residual stream, in and out
  std::int64_t first_sequence = 0;  // of the batch
  std::int64_t length = 0;          // rows of one sequence
  GroupRange groups;                // to tap
  bool finish = true;               // false: stop once the last wanted group was tapped
  const InputTap* tap = nullptr;
  KvCache* cache = nullptr;  // null: no earlier positions

  std::int64_t sequences() const { return hidden.rows / length; }
  std::int64_t first_position() const { return cache == nullptr ? 0 : cache->length(); }
  bool ends_with(InputGroup group) const { return !finish && groups.last == group; }
};

// An input that several linears read: prepared once for those that agree on its threshold.
struct LayerForward::GroupInput {
  MatrixView<const float> x;
  bool prepared = false;
  float threshold = kNoThreshold;  // of `input`
  std::int64_t zeros = 0;          // of `input`, where it has a threshold
  LinearProduct::Input input;
};

LayerForward::LayerForward(const DecoderConfig& config, Compute compute)
    : config_(config), product_(compute), rope_(config.rope, config.head_dim) {}

void LayerForward::run(const LayerWeights& layer, MatrixView<float> hidden, std::int64_t length, const InputTap& tap) {
  LACUNA_ASSERT(length > 0 && hidden.rows % length == 0 && hidden.cols == config_.hidden_size);
  const std::int64_t step = sequences_per_chunk(length);
  for (std::int64_t first = 0; first * length < hidden.rows; first += step) {
    const std::int64_t rows = std::min(step * length, hidden.rows - first * length);
    Chunk chunk;
    chunk.hidden = hidden.block(first * length, rows, 0, hidden.cols);
    chunk.first_sequence = first;
    chunk.length = length;
    chunk.tap = tap ? &tap : nullptr;
    run_chunk(layer, chunk);
  }
}

void LayerForward::capture(const LayerWeights& layer, MatrixView<const float> hidden, std::int64_t length,
                           GroupRange groups, const InputTap& tap) {
  LACUNA_ASSERT(length > 0 && hidden.rows % length == 0 && hidden.cols == config_.hidden_size);
  const std::int64_t step = sequences_per_chunk(length);
  for (std::int64_t first = 0; first * length < hidden.rows; first += step) {
    const std::int64_t rows = std::min(step * length, hidden.rows - first * length);
    Chunk chunk;
    chunk.hidden = scratch(hidden_, rows, hidden.cols);
    for (std::int64_t r = 0; r < rows; ++r) {
      std::memcpy(chunk.hidden.row(r), hidden.row(first * length + r),
                  static_cast<std::size_t>(hidden.cols) * sizeof(float));
    }
    chunk.first_sequence = first;
    chunk.length = length;
    chunk.groups = groups;
    chunk.finish = false;
    chunk.tap = &tap;
    run_chunk(layer, chunk);
  }
}

void LayerForward::extend(const LayerWeights& layer, MatrixView<float> hidden, KvCache& cache) {
  LACUNA_ASSERT(cache.length() + hidden.rows <= cache.capacity() && hidden.cols == config_.hidden_size);
  Chunk chunk;
  chunk.hidden = hidden;
  chunk.length = hidden.rows;
  chunk.cache = &cache;
  run_chunk(layer, chunk);
}

std::int64_t LayerForward::sequences_per_chunk(std::int64_t length) const {
  std::int64_t sequences = std::max<std::int64_t>(1, kChunkTokens / length);
  const std::uint64_t one = std::max<std::uint64_t>(1, scratch_bytes(length));
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(kChunkBytes / one), 1, sequences);
}

std::uint64_t LayerForward::scratch_bytes(std::int64_t length) const {
  const DecoderConfig& c = config_;
  const std::int64_t per_row =
      2 * c.hidden_size + c.query_size() + 2 * c.kv_size() + c.intermediate_size;  // hidden_ … inner_
  const std::int64_t up = c.gated_mlp() ? std::min(length, kUpBlockRows) * c.intermediate_size : 0;
  return static_cast<std::uint64_t>(per_row * length + up) * sizeof(float);
}

void LayerForward::run_chunk(const LayerWeights& layer, Chunk& chunk) {
  if (attention_block(layer, chunk)) mlp_block(layer, chunk);
}

bool LayerForward::attention_block(const LayerWeights& layer, Chunk& chunk) {
  project_heads(layer, chunk);
  if (chunk.ends_with(InputGroup::attention)) return false;
  attend(layer, chunk);
  const MatrixView<float> context = scratch(queries_, chunk.hidden.rows, config_.query_size());
  show(layer, chunk, InputGroup::attention_output, context);
  if (chunk.ends_with(InputGroup::attention_output)) return false;
  GroupInput read{context};
  multiply(*layer.find(LinearRole::output), read, chunk.hidden, true);
  if (!config_.norm_first) normalise(layer.attention_norm, chunk.hidden, chunk.hidden);
  return true;
}

// Queries, keys and values of the chunk, rotated where the model uses RoPE.
void LayerForward::project_heads(const LayerWeights& layer, Chunk& chunk) {
  const std::int64_t rows = chunk.hidden.rows;
  MatrixView<const float> input = chunk.hidden;
  if (config_.norm_first) {
    const auto normed = scratch(normed_, rows, config_.hidden_size);
    normalise(layer.attention_norm, chunk.hidden, normed);
    input = normed;
  }
  show(layer, chunk, InputGroup::attention, input);
  if (chunk.ends_with(InputGroup::attention)) return;

  const auto queries = scratch(queries_, rows, config_.query_size());
  const auto keys = scratch(keys_, rows, config_.kv_size());
  const auto values = scratch(values_, rows, config_.kv_size());
  const ColumnProducts::Target targets[] = {{layer.find(LinearRole::query), queries},
                                            {layer.find(LinearRole::key), keys},
                                            {layer.find(LinearRole::value), values}};
  if (!columns_.multiply(input, targets)) {
    GroupInput read{input};
    for (const auto& target : targets) multiply(*target.linear, read, target.y, false);
  }

  const auto normalise_heads = [&](const NormWeights& norm, MatrixView<float> heads) {
    if (norm.weight.empty()) return;
    const MatrixView<float> by_head(heads.data, heads.numel() / config_.head_dim, config_.head_dim);
    kernels::rms_norm(by_head, norm.weight, config_.norm_epsilon, by_head);
  };
  normalise_heads(layer.query_norm, queries);
  normalise_heads(layer.key_norm, keys);
  if (config_.positions != PositionKind::rope) return;
  const std::int64_t first = chunk.first_position();
  const auto table = rope_.for_length(chunk.cache == nullptr ? chunk.length : chunk.cache->capacity());
  kernels::apply_rope(queries, config_.head_dim, table, first, chunk.length);
  kernels::apply_rope(keys, config_.head_dim, table, first, chunk.length);
}

// The attention's output takes the place of the queries.
void LayerForward::attend(const LayerWeights& layer, Chunk& chunk) {
  const std::int64_t rows = chunk.hidden.rows;
  const auto queries = scratch(queries_, rows, config_.query_size());
  MatrixView<float> keys = scratch(keys_, rows, config_.kv_size());
  MatrixView<float> values = scratch(values_, rows, config_.kv_size());
  kernels::AttentionShape shape;
  shape.sequences = chunk.sequences();
  shape.query_length = shape.key_length = chunk.length;
  if (chunk.cache != nullptr) {
    const std::int64_t past = chunk.cache->length();
    const auto bytes = static_cast<std::size_t>(keys.numel()) * sizeof(float);
    std::memcpy(chunk.cache->keys(layer.index).row(past), keys.data, bytes);
    std::memcpy(chunk.cache->values(layer.index).row(past), values.data, bytes);
    shape.key_length = past + rows;
    keys = chunk.cache->keys(layer.index).block(0, shape.key_length, 0, config_.kv_size());
    values = chunk.cache->values(layer.index).block(0, shape.key_length, 0, config_.kv_size());
  }
  shape.heads = config_.n_heads;
  shape.kv_heads = config_.n_kv_heads;
  shape.head_dim = config_.head_dim;
  shape.window = config_.windows[static_cast<std::size_t>(layer.index)];
  shape.scale = 1.0F / std::sqrt(static_cast<float>(config_.head_dim));
  kernels::causal_attention(shape, queries, keys, values, queries);
}

void LayerForward::mlp_block(const LayerWeights& layer, Chunk& chunk) {
  const std::int64_t rows = chunk.hidden.rows;
  MatrixView<const float> input = chunk.hidden;
  if (config_.norm_first) {
    const auto normed = scratch(normed_, rows, config_.hidden_size);
    normalise(layer.mlp_norm, chunk.hidden, normed);
    input = normed;
  }
  show(layer, chunk, InputGroup::mlp, input);
  if (chunk.ends_with(InputGroup::mlp)) return;

  const auto inner = scratch(inner_, rows, config_.intermediate_size);
  expand_mlp(layer, input, inner);
  show(layer, chunk, InputGroup::mlp_output, inner);
  if (chunk.ends_with(InputGroup::mlp_output)) return;
  GroupInput read_inner{inner};
  multiply(*layer.find(LinearRole::down), read_inner, chunk.hidden, true);
  if (!config_.norm_first) normalise(layer.mlp_norm, chunk.hidden, chunk.hidden);
}

// inner ← f(gate·x) · up·x, or f(up·x) in a model without gate.
void LayerForward::expand_mlp(const LayerWeights& layer, MatrixView<const float> input, MatrixView<float> inner) {
  const Linear& up = *layer.find(LinearRole::up);
  const Linear* gate = layer.find(LinearRole::gate);
  GroupInput read{input};
  if (gate == nullptr) {
    multiply(up, read, inner, false);
    kernels::activate(config_.activation, flat(inner));
    return;
  }
  const std::int64_t rows = std::min(inner.rows, ColumnProducts::kMostRows);
  if (columns_.multiply_gated(input, {gate, &up, config_.activation, inner, scratch(up_, rows, inner.cols)})) return;
  multiply(*gate, read, inner, false);
  multiply_up(up, read, inner);
}

// The input as this linear reads it.
const LinearProduct::Input& LayerForward::input_of(const Linear& linear, GroupInput& input) {
  if (!input.prepared || input.threshold != linear.input_threshold) {
    input.prepared = true;
    input.threshold = linear.input_threshold;
    MatrixView<const float> x = input.x;
    if (input.threshold >= 0.0F) {
      const auto sparse = scratch(sparse_, x.rows, x.cols);
      for (std::int64_t r = 0; r < x.rows; ++r) {
        std::memcpy(sparse.row(r), x.row(r), static_cast<std::size_t>(x.cols) * sizeof(float));
      }
      input.zeros = kernels::zero_up_to_abs(sparse, input.threshold);
      x = sparse;
    }
    input.input = product_.prepare(x);
  }
  if (input.threshold >= 0.0F) columns_.count(input.zeros, input.x.numel(), linear.rows());
  return input.input;
}

void LayerForward::multiply(const Linear& linear, GroupInput& input, MatrixView<float> y, bool accumulate) {
  const ColumnProducts::Target target = {&linear, y, accumulate};
  if (columns_.multiply(input.x, {&target, 1})) return;
  product_.apply(linear, input_of(linear, input), y, accumulate);
}

// gate ← f(gate) · up(input), the second factor in blocks of rows: half the memory of both matrices whole.
void LayerForward::multiply_up(const Linear& up, GroupInput& group, MatrixView<float> gate) {
  const LinearProduct::Input& input = input_of(up, group);
  for (std::int64_t first = 0; first < gate.rows; first += kUpBlockRows) {
    const std::int64_t count = std::min(kUpBlockRows, gate.rows - first);
    const auto factor = scratch(up_, count, gate.cols);
    product_.apply(up, input.rows(first, count), factor, false);
    kernels::activate_gated(config_.activation, flat(gate.block(first, count, 0, gate.cols)), flat(factor));
  }
}

void LayerForward::show(const LayerWeights& layer, const Chunk& chunk, InputGroup group,
                        MatrixView<const float> input) const {
  if (chunk.tap == nullptr || group < chunk.groups.first || group > chunk.groups.last) return;
  std::vector<std::size_t> readers;
  for (std::size_t i = 0; i < layer.linears.size(); ++i) {
    if (layer.linears[i].spec.group == group) readers.push_back(i);
  }
  TappedInput tapped;
  tapped.group = group;
  tapped.linears = readers;
  tapped.first_sequence = chunk.first_sequence;
  tapped.sequences = chunk.sequences();
  tapped.input = input;
  (*chunk.tap)(tapped);
}

void LayerForward::normalise(const NormWeights& norm, MatrixView<const float> in, MatrixView<float> out) const {
  if (config_.norm == NormKind::rms) {
    kernels::rms_norm(in, norm.weight, config_.norm_epsilon, out);
  } else {
    kernels::layer_norm(in, norm.weight, norm.bias, config_.norm_epsilon, out);
  }
}

}  // namespace lacuna
