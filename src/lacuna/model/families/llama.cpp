// LLaMA 1 to 3 and everything published under their architecture.
#include "lacuna/model/families/family.hpp"

namespace lacuna {

DecoderConfig describe_llama(const ConfigReader& json) {
  DecoderConfig config = describe_llama_like(json, {});
  config.qkv_bias = config.output_bias = json.boolean("attention_bias").value_or(false);
  config.mlp_bias = json.boolean("mlp_bias").value_or(false);
  return config;
}

}  // namespace lacuna
