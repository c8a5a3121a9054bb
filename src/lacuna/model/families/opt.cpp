// OPT: LayerNorm, learned positions (stored from row 2 on), biases, a plain ReLU MLP, a tied head. OPT-350m normalises
// after each block instead of before and has embeddings narrower than its layers.
#include "lacuna/model/families/family.hpp"

namespace lacuna {
namespace {

DecoderNames opt_names() {
  DecoderNames names;
  names.embedding = "model.decoder.embed_tokens.weight";
  names.positions = "model.decoder.embed_positions.weight";
  names.final_norm = "model.decoder.final_layer_norm";
  names.head = "lm_head.weight";
  names.layers = "model.decoder.layers";
  names.attention_norm = "self_attn_layer_norm";
  names.mlp_norm = "final_layer_norm";
  names.query = "self_attn.q_proj";
  names.key = "self_attn.k_proj";
  names.value = "self_attn.v_proj";
  names.output = "self_attn.out_proj";
  names.up = "fc1";
  names.down = "fc2";
  return names;
}

}  // namespace

DecoderConfig describe_opt(const ConfigReader& json) {
  DecoderConfig config;
  config.names = opt_names();
  config.vocab_size = json.required_integer("vocab_size", 1, kMaxVocabulary);
  config.hidden_size = json.required_integer("hidden_size", 1, kMaxWidth);
  config.intermediate_size = json.required_integer("ffn_dim", 1, kMaxWidth);
  config.n_layers = json.required_integer("num_hidden_layers", 1, kMaxLayers);
  config.n_heads = config.n_kv_heads = json.required_integer("num_attention_heads", 1, kMaxHeads);
  config.head_dim = divided_head_dim(json, config);
  config.max_positions = json.integer("max_position_embeddings", 1, kMaxPositions).value_or(2048);
  config.position_offset = 2;
  config.windows.assign(static_cast<std::size_t>(config.n_layers), 0);

  config.embedding_size = json.integer("word_embed_proj_dim", 1, kMaxWidth).value_or(config.hidden_size);
  if (config.embedding_size != config.hidden_size) {
    config.names.project_in = "model.decoder.project_in.weight";
    config.names.project_out = "model.decoder.project_out.weight";
  }
  config.norm = NormKind::layer;
  config.norm_affine = json.boolean("layer_norm_elementwise_affine").value_or(true);
  config.norm_first = json.boolean("do_layer_norm_before").value_or(true);
  if (!config.norm_first || json.boolean("_remove_final_layer_norm").value_or(false)) config.names.final_norm.clear();
  config.positions = PositionKind::learned;
  config.activation = read_activation(json, "activation_function", "relu");
  config.qkv_bias = config.output_bias = config.mlp_bias = json.boolean("enable_bias").value_or(true);
  config.tied_head = json.boolean("tie_word_embeddings").value_or(true);
  read_special_tokens(json, config);
  return config;
}

}  // namespace lacuna
