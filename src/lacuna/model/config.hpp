// A decoder-only language model, described neutrally: what config.json and a family's conventions come down to.
//
// A family (families/llama.cpp, …) fills a DecoderConfig; nothing else in Lacuna knows one model type from another.
// Every dimension is bounded, so products of any two of them fit into 64 bits with room to spare.
//
// Errors   read_config, parse_config: Error{bad_config} names the field, what was expected and what was found;
//          Error{unsupported_model} lists the model types that are supported; not_found without a config.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/kernels/activation/activation.hpp"
#include "lacuna/model/rope.hpp"

namespace lacuna {

enum class NormKind : std::uint8_t { rms, layer };
enum class PositionKind : std::uint8_t { rope, learned };

// Names of tensors. Parts of a layer are relative to "<layers>.<index>."; empty: the model has none.
struct DecoderNames {
  std::string embedding;    // "model.embed_tokens.weight"
  std::string positions;    // learned positions: a [max_positions + position_offset, hidden] tensor
  std::string project_in;   // embedding → hidden, where their sizes differ
  std::string project_out;  // hidden → embedding
  std::string final_norm;   // "model.norm"
  std::string head;         // "lm_head.weight"; not read when the head is tied
  std::string layers;       // "model.layers"

  std::string attention_norm;  // "input_layernorm"
  std::string mlp_norm;        // "post_attention_layernorm"
  std::string query_norm;      // RMSNorm of each query head, before RoPE
  std::string key_norm;

  std::string query;  // "self_attn.q_proj"
  std::string key;
  std::string value;
  std::string output;
  std::string gate;  // empty: the MLP is down(f(up(x))), not down(f(gate(x))·up(x))
  std::string up;
  std::string down;
};

struct DecoderConfig {
  std::string model_type;

  std::int64_t vocab_size = 0;
  std::int64_t hidden_size = 0;
  std::int64_t embedding_size = 0;  // hidden_size but for OPT-350m and its like
  std::int64_t intermediate_size = 0;
  std::int64_t n_layers = 0;
  std::int64_t n_heads = 0;
  std::int64_t n_kv_heads = 0;  // divides n_heads
  std::int64_t head_dim = 0;
  std::int64_t max_positions = 0;
  std::int64_t position_offset = 0;   // learned positions: row of position 0
  std::vector<std::int64_t> windows;  // per layer, how many latest keys a query sees; 0: all

  NormKind norm = NormKind::rms;
  float norm_epsilon = 1e-5F;
  bool norm_affine = true;  // norms have weights (and, for LayerNorm, biases)
  bool norm_first = true;   // normalise a block's input; false: its output, after the residual sum
  PositionKind positions = PositionKind::rope;
  RopeConfig rope;
  kernels::Activation activation = kernels::Activation::silu;
  bool qkv_bias = false;
  bool output_bias = false;  // of the attention's output projection
  bool mlp_bias = false;
  bool tied_head = false;

  std::optional<std::int64_t> bos_token;
  std::vector<std::int64_t> eos_tokens;

  DecoderNames names;

  std::int64_t query_size() const { return n_heads * head_dim; }
  std::int64_t kv_size() const { return n_kv_heads * head_dim; }
  bool gated_mlp() const { return !names.gate.empty(); }
};

DecoderConfig read_config(const std::filesystem::path& config_json);
DecoderConfig parse_config(std::string_view json, const std::filesystem::path& name_for_errors = {});
std::vector<std::string> supported_model_types();

}  // namespace lacuna
