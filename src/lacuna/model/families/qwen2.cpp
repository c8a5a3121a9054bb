// Qwen 2 and 2.5: LLaMA with biases on queries, keys and values, and a sliding window in the upper layers if enabled.
#include "lacuna/model/families/family.hpp"

namespace lacuna {

DecoderConfig describe_qwen2(const ConfigReader& json) {
  DecoderConfig config = describe_llama_like(json, {.kv_heads = 32, .max_positions = 32768});
  config.qkv_bias = true;
  read_upper_layer_windows(json, config);
  return config;
}

}  // namespace lacuna
