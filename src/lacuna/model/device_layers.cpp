#include "lacuna/model/device_layers.hpp"

#include <array>

namespace lacuna {
namespace {

template <typename Layer>
auto products_of(Layer& layer) {
  return std::array{&layer.qkv, &layer.output, &layer.gate_up, &layer.down};
}

kernels::LayerProduct stripes_of(const DeviceProduct& product, const kernels::DeviceBuffer& bias) {
  kernels::LayerProduct made{&std::get<kernels::ColumnStripes>(product.weights()), {}, bias.data()};
  for (std::size_t i = 0; i < product.parts(); ++i) made.thresholds.at(i) = product.threshold(i);
  return made;
}

const float* floats(const kernels::DeviceBuffer& buffer) { return reinterpret_cast<const float*>(buffer.data()); }

}  // namespace

bool steps_in_one_launch(const DeviceWeights& weights) {
  for (const DeviceLayer& layer : weights.layers) {
    for (const DeviceProduct* product : products_of(layer)) {
      if (!std::holds_alternative<DeviceColumns>(product->weights())) return false;
    }
  }
  return kernels::DecodeLayers::fits(layers_shape(weights));
}

DeviceWeights with_stripes(DeviceWeights weights) {
  if (!steps_in_one_launch(weights)) return weights;
  for (DeviceLayer& layer : weights.layers) {
    for (DeviceProduct* product : products_of(layer)) product->make_stripes(product == &layer.gate_up);
  }
  return weights;
}

kernels::DecodeLayersShape layers_shape(const DeviceWeights& weights) {
  const DecoderConfig& c = weights.config;
  return {weights.dtype, c.n_layers,   c.hidden_size, c.intermediate_size,
          c.n_heads,     c.n_kv_heads, c.head_dim,    c.norm_epsilon};
}

kernels::DecodeLayer layer_of_stripes(const DeviceWeights& weights, std::int64_t index,
                                      const kernels::DecodeAttention& attention) {
  const DeviceLayer& layer = weights.layers[static_cast<std::size_t>(index)];
  return {stripes_of(layer.qkv, layer.qkv_bias),
          stripes_of(layer.output, layer.output_bias),
          stripes_of(layer.gate_up, layer.gate_up_bias),
          stripes_of(layer.down, layer.down_bias),
          floats(layer.attention_norm),
          floats(layer.mlp_norm),
          attention};
}

}  // namespace lacuna
