// Mistral: LLaMA with a sliding window over the keys in every layer (absent in later releases).
#include <algorithm>

#include "lacuna/model/families/family.hpp"

namespace lacuna {

DecoderConfig describe_mistral(const ConfigReader& json) {
  DecoderConfig config = describe_llama_like(json, {.kv_heads = 8, .max_positions = 131072});
  const auto window = json.integer("sliding_window", 1, kMaxPositions);
  std::fill(config.windows.begin(), config.windows.end(), window.value_or(0));
  return config;
}

}  // namespace lacuna
