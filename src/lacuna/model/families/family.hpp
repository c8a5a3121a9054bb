// A family: one model_type of config.json and the function that turns its config into a DecoderConfig.
//
// The readers below hold what families share; a family states its own names, defaults and
// peculiarities. docs/model.md shows how to add one.
#pragma once

#include <span>
#include <string_view>

#include "lacuna/model/config.hpp"
#include "lacuna/model/config_reader.hpp"

namespace lacuna {

struct Family {
  std::string_view model_type;
  DecoderConfig (*describe)(const ConfigReader& json);
};

std::span<const Family> families();

DecoderConfig describe_llama(const ConfigReader& json);
DecoderConfig describe_mistral(const ConfigReader& json);
DecoderConfig describe_opt(const ConfigReader& json);
DecoderConfig describe_qwen2(const ConfigReader& json);
DecoderConfig describe_qwen3(const ConfigReader& json);

// What LLaMA and its descendants share: dimensions under their usual names, RMSNorm, RoPE, a gated MLP, tensor names.
// head_dim and kv_heads are the defaults where config.json has none; 0: hidden_size / heads, and heads.
struct LlamaDefaults {
  std::int64_t head_dim = 0;
  std::int64_t kv_heads = 0;
  double rope_theta = 10000.0;
  std::int64_t max_positions = 2048;
};
DecoderConfig describe_llama_like(const ConfigReader& json, const LlamaDefaults& defaults);

// "silu", "gelu_new", … of `field`.
kernels::Activation read_activation(const ConfigReader& json, const std::string& field, std::string_view fallback);

// rope_theta, rope_scaling and the newer rope_parameters.
RopeConfig read_rope(const ConfigReader& json, const DecoderConfig& config, double default_theta);

// hidden_size / heads, which must divide.
std::int64_t divided_head_dim(const ConfigReader& json, const DecoderConfig& config);

// Where use_sliding_window says so: sliding_window of the layers that layer_types names, or, without it, of those from
// max_window_layers on (Qwen).
void read_upper_layer_windows(const ConfigReader& json, DecoderConfig& config);

// bos_token_id and eos_token_id (one id or a list).
void read_special_tokens(const ConfigReader& json, DecoderConfig& config);

// The bounds of dimensions: far above any model there is, and small enough that products fit into 64 bits.
inline constexpr std::int64_t kMaxVocabulary = 1LL << 24;
inline constexpr std::int64_t kMaxWidth = 1LL << 20;  // hidden, intermediate, heads × head_dim
inline constexpr std::int64_t kMaxLayers = 1LL << 12;
inline constexpr std::int64_t kMaxHeads = 1LL << 14;
inline constexpr std::int64_t kMaxHeadDim = 1LL << 12;
inline constexpr std::int64_t kMaxPositions = 1LL << 28;

}  // namespace lacuna
