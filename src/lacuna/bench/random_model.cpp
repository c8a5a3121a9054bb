#include "lacuna/bench/random_model.hpp"

#include <fmt/format.h>

#include <cstring>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

void check_shape(const ModelShape& s) {
  constexpr std::int64_t kMost = 1 << 20;
  for (const std::int64_t n : {s.layers, s.hidden, s.intermediate, s.heads, s.kv_heads, s.vocab}) {
    if (n < 1 || n > kMost) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("model shape: expected sizes from 1 to {}, got {}", kMost, n));
    }
  }
  if (s.hidden % s.heads != 0 || s.heads % s.kv_heads != 0 || s.hidden / s.heads % 2 != 0) {
    throw Error(
        ErrorCode::invalid_argument,
        fmt::format("model shape: expected heads of an even size that divide {}, and key heads that divide them, "
                    "got {} and {}",
                    s.hidden, s.heads, s.kv_heads));
  }
}

}  // namespace

DecoderConfig random_model_config(const ModelShape& s) {
  check_shape(s);
  DecoderConfig config;
  config.model_type = "llama";
  config.vocab_size = s.vocab;
  config.hidden_size = config.embedding_size = s.hidden;
  config.intermediate_size = s.intermediate;
  config.n_layers = s.layers;
  config.n_heads = s.heads;
  config.n_kv_heads = s.kv_heads;
  config.head_dim = s.hidden / s.heads;
  config.max_positions = 1 << 20;
  config.windows.assign(static_cast<std::size_t>(s.layers), 0);
  DecoderNames& names = config.names;
  names.layers = "layers";
  names.query = "q";
  names.key = "k";
  names.value = "v";
  names.output = "o";
  names.gate = "gate";
  names.up = "up";
  names.down = "down";
  names.final_norm = "norm";
  return config;
}

RandomModel::RandomModel(ModelShape shape, DType dtype, double zeros, std::uint64_t seed) : dtype_(dtype) {
  config_ = random_model_config(shape);
  constexpr double kScale = kRandomModelScale;
  std::vector<AlignedBuffer<std::byte>> patterns;
  const auto specs = layer_linears(config_, 0);
  patterns.reserve(specs.size());
  for (const auto& spec : specs) {
    patterns.push_back(random_weights(dtype, {spec.rows, spec.cols}, zeros, seed + patterns.size(), kScale));
  }
  for (std::int64_t i = 0; i < shape.layers; ++i) {
    LayerWeights layer;
    layer.index = i;
    for (std::size_t l = 0; l < specs.size(); ++l) {
      Linear linear;
      linear.spec = specs[l];
      linear.stored = add(specs[l].rows, specs[l].cols, patterns[l].span());
      layer.linears.push_back(std::move(linear));
    }
    layer.attention_norm.weight.assign(static_cast<std::size_t>(shape.hidden), 1.0F);
    layer.mlp_norm.weight = layer.attention_norm.weight;
    layers_.push_back(std::move(layer));
  }
  const auto table = random_weights(dtype, {shape.vocab, shape.hidden}, 0.0, seed + 100, kScale);
  embedding_ = add(shape.vocab, shape.hidden, table.span());
  head_ = add(shape.vocab, shape.hidden,
              random_weights(dtype, {shape.vocab, shape.hidden}, 0.0, seed + 101, kScale).span());
}

TensorView RandomModel::add(std::int64_t rows, std::int64_t cols, std::span<const std::byte> weights) {
  buffers_.emplace_back(weights.size());
  std::memcpy(buffers_.back().data(), weights.data(), weights.size());
  return make_tensor_view(dtype_, {rows, cols}, buffers_.back().data());
}

std::vector<LayerWeights> RandomModel::copy_layers() const {
  std::vector<LayerWeights> copies;
  for (const auto& layer : layers_) {
    LayerWeights copy;
    copy.index = layer.index;
    copy.attention_norm = layer.attention_norm;
    copy.mlp_norm = layer.mlp_norm;
    for (const auto& linear : layer.linears) {
      Linear same;
      same.spec = linear.spec;
      same.stored = linear.stored;
      copy.linears.push_back(std::move(same));
    }
    copies.push_back(std::move(copy));
  }
  return copies;
}

double RandomModel::linear_bytes() const {
  double bytes = 0.0;
  for (const auto& layer : layers_) {
    for (const auto& linear : layer.linears) {
      bytes += static_cast<double>(linear.rows() * linear.cols()) * static_cast<double>(dtype_bytes(dtype_));
    }
  }
  return bytes;
}

double pack_layers(std::vector<LayerWeights>& layers) {
  double bytes = 0.0;
  for (auto& layer : layers) {
    for (auto& linear : layer.linears) {
      linear.packed = PackedMatrix::pack(linear.spec.tensor, linear.stored);
      linear.slices = make_slices(linear);
      bytes += static_cast<double>(linear.slices != nullptr   ? linear.slices->bytes()
                                   : linear.packed != nullptr ? linear.packed->plan().packed_bytes()
                                                              : linear.stored.bytes());
    }
  }
  return bytes;
}

}  // namespace lacuna
