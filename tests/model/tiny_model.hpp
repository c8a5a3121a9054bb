// A random model of any family, written as a checkpoint: what config.json asks for, in bf16.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "support/temp_folder.hpp"

namespace lacuna::test {

inline constexpr const char* kTinyLlamaConfig = R"({"model_type": "llama", "vocab_size": 61, "hidden_size": 32,
  "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
  "max_position_embeddings": 64, "bos_token_id": 1, "eos_token_id": 2})";
inline constexpr const char* kTinyOptConfig = R"({"model_type": "opt", "vocab_size": 61, "hidden_size": 32,
  "ffn_dim": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 64,
  "word_embed_proj_dim": 24, "do_layer_norm_before": false})";

struct TinyTensor {
  std::string name;
  std::vector<std::int64_t> shape;
};
std::vector<TinyTensor> tensors_of(const std::string& config_json);

// Leaves out the tensors named in `without`.
void write_tiny_model(const TempFolder& folder, const std::string& config_json,
                      const std::vector<std::string>& without = {});

}  // namespace lacuna::test
