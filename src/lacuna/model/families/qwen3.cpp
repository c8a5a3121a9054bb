// Qwen 3: LLaMA with an RMSNorm on every query and key head before RoPE, and a head size of its own.
#include "lacuna/model/families/family.hpp"

namespace lacuna {

DecoderConfig describe_qwen3(const ConfigReader& json) {
  DecoderConfig config = describe_llama_like(json, {.head_dim = 128, .kv_heads = 32, .max_positions = 32768});
  config.qkv_bias = config.output_bias = json.boolean("attention_bias").value_or(false);
  config.names.query_norm = "self_attn.q_norm";
  config.names.key_norm = "self_attn.k_norm";
  read_upper_layer_windows(json, config);
  return config;
}

}  // namespace lacuna
