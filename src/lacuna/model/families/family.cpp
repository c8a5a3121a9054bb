#include "lacuna/model/families/family.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace lacuna {
namespace {

constexpr std::array<Family, 5> kFamilies = {{
    {"llama", describe_llama},
    {"mistral", describe_mistral},
    {"opt", describe_opt},
    {"qwen2", describe_qwen2},
    {"qwen3", describe_qwen3},
}};

struct NamedActivation {
  std::string_view name;
  kernels::Activation function;
};

constexpr std::array<NamedActivation, 8> kActivations = {{
    {"silu", kernels::Activation::silu},
    {"swish", kernels::Activation::silu},
    {"gelu", kernels::Activation::gelu},
    {"gelu_new", kernels::Activation::gelu_tanh},
    {"gelu_fast", kernels::Activation::gelu_tanh},
    {"gelu_pytorch_tanh", kernels::Activation::gelu_tanh},
    {"quick_gelu", kernels::Activation::gelu_quick},
    {"relu", kernels::Activation::relu},
}};

DecoderNames llama_names() {
  DecoderNames names;
  names.embedding = "model.embed_tokens.weight";
  names.final_norm = "model.norm";
  names.head = "lm_head.weight";
  names.layers = "model.layers";
  names.attention_norm = "input_layernorm";
  names.mlp_norm = "post_attention_layernorm";
  names.query = "self_attn.q_proj";
  names.key = "self_attn.k_proj";
  names.value = "self_attn.v_proj";
  names.output = "self_attn.o_proj";
  names.gate = "mlp.gate_proj";
  names.up = "mlp.up_proj";
  names.down = "mlp.down_proj";
  return names;
}

void read_heads(const ConfigReader& json, const LlamaDefaults& defaults, DecoderConfig& config) {
  config.n_heads = json.required_integer("num_attention_heads", 1, kMaxHeads);
  config.n_kv_heads = json.integer("num_key_value_heads", 1, kMaxHeads)
                          .value_or(defaults.kv_heads != 0 ? defaults.kv_heads : config.n_heads);
  if (config.n_heads % config.n_kv_heads != 0) {
    throw json.error("num_key_value_heads", fmt::format("a divisor of num_attention_heads = {}", config.n_heads),
                     std::to_string(config.n_kv_heads));
  }
  const auto head_dim = json.integer("head_dim", 2, kMaxHeadDim);
  if (head_dim) {
    config.head_dim = *head_dim;
  } else {
    config.head_dim = defaults.head_dim != 0 ? defaults.head_dim : divided_head_dim(json, config);
  }
  if (config.head_dim % 2 != 0) throw json.error("head_dim", "an even number", std::to_string(config.head_dim));
  if (config.query_size() > kMaxWidth) {
    throw json.error("head_dim", fmt::format("at most {} after multiplication by num_attention_heads", kMaxWidth),
                     std::to_string(config.query_size()));
  }
}

}  // namespace

std::span<const Family> families() { return kFamilies; }

DecoderConfig describe_llama_like(const ConfigReader& json, const LlamaDefaults& defaults) {
  DecoderConfig config;
  config.names = llama_names();
  config.vocab_size = json.required_integer("vocab_size", 1, kMaxVocabulary);
  config.hidden_size = config.embedding_size = json.required_integer("hidden_size", 1, kMaxWidth);
  config.intermediate_size = json.required_integer("intermediate_size", 1, kMaxWidth);
  config.n_layers = json.required_integer("num_hidden_layers", 1, kMaxLayers);
  read_heads(json, defaults, config);
  config.max_positions = json.integer("max_position_embeddings", 1, kMaxPositions).value_or(defaults.max_positions);
  config.windows.assign(static_cast<std::size_t>(config.n_layers), 0);

  config.norm = NormKind::rms;
  config.norm_epsilon = static_cast<float>(json.number("rms_norm_eps", 0.0, 1.0).value_or(1e-6));
  config.positions = PositionKind::rope;
  config.rope = read_rope(json, config, defaults.rope_theta);
  config.activation = read_activation(json, "hidden_act", "silu");
  config.tied_head = json.boolean("tie_word_embeddings").value_or(false);
  read_special_tokens(json, config);
  return config;
}

std::int64_t divided_head_dim(const ConfigReader& json, const DecoderConfig& config) {
  if (config.hidden_size % config.n_heads != 0) {
    throw json.error("num_attention_heads", fmt::format("a divisor of hidden_size = {}", config.hidden_size),
                     std::to_string(config.n_heads));
  }
  const std::int64_t head_dim = config.hidden_size / config.n_heads;
  if (head_dim > kMaxHeadDim) {
    throw json.error("num_attention_heads", fmt::format("heads of at most {} components", kMaxHeadDim),
                     std::to_string(head_dim));
  }
  return head_dim;
}

void read_upper_layer_windows(const ConfigReader& json, DecoderConfig& config) {
  const auto window = json.integer("sliding_window", 1, kMaxPositions);
  if (!window || !json.boolean("use_sliding_window").value_or(false)) return;
  const std::int64_t first = json.integer("max_window_layers", 0, kMaxLayers).value_or(28);
  const auto types = json.strings("layer_types", static_cast<std::size_t>(kMaxLayers));
  if (!types.empty() && types.size() != config.windows.size()) {
    throw json.error("layer_types", fmt::format("one entry for each of {} layers", config.n_layers),
                     fmt::format("{} entries", types.size()));
  }
  for (std::size_t layer = 0; layer < config.windows.size(); ++layer) {
    const bool windowed =
        types.empty() ? static_cast<std::int64_t>(layer) >= first : types[layer] == "sliding_attention";
    if (windowed) config.windows[layer] = *window;
    if (!types.empty() && !windowed && types[layer] != "full_attention") {
      throw json.error("layer_types", "full_attention or sliding_attention", types[layer].substr(0, 60));
    }
  }
}

kernels::Activation read_activation(const ConfigReader& json, const std::string& field, std::string_view fallback) {
  const std::string name = json.string(field).value_or(std::string(fallback));
  std::string known;
  for (const auto& candidate : kActivations) {
    if (candidate.name == name) return candidate.function;
    known += known.empty() ? "" : ", ";
    known += candidate.name;
  }
  throw json.error(field, "one of " + known, name.substr(0, 60));
}

void read_special_tokens(const ConfigReader& json, DecoderConfig& config) {
  // Ids beyond the vocabulary do occur (−1 for "none", or a table that was cut): they never match a token.
  config.bos_token = json.integer("bos_token_id", -kMaxVocabulary, kMaxVocabulary);
  config.eos_tokens = json.integers("eos_token_id", -kMaxVocabulary, kMaxVocabulary, 64);
}

}  // namespace lacuna
