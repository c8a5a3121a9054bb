#include "lacuna/model/layer.hpp"

#include <fmt/format.h>

namespace lacuna {

std::string_view input_group_name(InputGroup group) {
  switch (group) {
    case InputGroup::attention: return "attention";
    case InputGroup::attention_output: return "attention_output";
    case InputGroup::mlp: return "mlp";
    case InputGroup::mlp_output: return "mlp_output";
  }
  return "unknown";
}

std::vector<LinearSpec> layer_linears(const DecoderConfig& config, std::int64_t layer) {
  std::vector<LinearSpec> specs;
  const auto add = [&](LinearRole role, InputGroup group, const std::string& component, std::int64_t rows,
                       std::int64_t cols, bool bias) {
    const std::string base = fmt::format("{}.{}.{}", config.names.layers, layer, component);
    specs.push_back({role, group, component, base + ".weight", bias ? base + ".bias" : "", rows, cols});
  };
  const DecoderNames& names = config.names;
  const std::int64_t hidden = config.hidden_size;
  const std::int64_t inner = config.intermediate_size;
  add(LinearRole::query, InputGroup::attention, names.query, config.query_size(), hidden, config.qkv_bias);
  add(LinearRole::key, InputGroup::attention, names.key, config.kv_size(), hidden, config.qkv_bias);
  add(LinearRole::value, InputGroup::attention, names.value, config.kv_size(), hidden, config.qkv_bias);
  add(LinearRole::output, InputGroup::attention_output, names.output, hidden, config.query_size(), config.output_bias);
  if (config.gated_mlp()) add(LinearRole::gate, InputGroup::mlp, names.gate, inner, hidden, config.mlp_bias);
  add(LinearRole::up, InputGroup::mlp, names.up, inner, hidden, config.mlp_bias);
  add(LinearRole::down, InputGroup::mlp_output, names.down, hidden, inner, config.mlp_bias);
  return specs;
}

const Linear* LayerWeights::find(LinearRole role) const {
  for (const auto& linear : linears) {
    if (linear.spec.role == role) return &linear;
  }
  return nullptr;
}

Linear* LayerWeights::find(std::string_view component) {
  for (auto& linear : linears) {
    if (linear.spec.component == component) return &linear;
  }
  return nullptr;
}

std::uint64_t LayerWeights::owned_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& linear : linears) bytes += static_cast<std::uint64_t>(linear.weights.numel()) * sizeof(float);
  return bytes;
}

}  // namespace lacuna
