// A decoder's weights: a checkpoint read through its config, layer by layer.
//
//   const Decoder decoder = Decoder::open(Checkpoint::open("models/tiny-llama"));
//   LayerWeights layer = decoder.load_layer(0, WeightStorage::owned);   // f32, the caller's to change
//   decoder.embed(tokens, length, hidden.view());
//
// open() checks that every tensor the config asks for is there, with the right shape and a floating type; nothing is
// read before it is asked for. Tensor names are accepted with and without their leading "model.", as base models are
// saved without it. Linears may be packed (`lacuna pack`): they are verified when the decoder is opened, and multiplied
// as they are.
//
// Threads  const functions are safe from any thread; they are parallel inside.
// Errors   bad_config, unsupported_model, missing_tensor, shape_mismatch, unsupported_dtype; embed: bad_token (an id
//          outside the vocabulary, with its position), invalid_argument (more tokens than learned positions).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/model/config.hpp"
#include "lacuna/model/layer.hpp"

namespace lacuna {

// owned: every linear as an f32 matrix, the caller's to change. mapped: a view of the file, costing no memory.
enum class WeightStorage : std::uint8_t { owned, mapped };

class Decoder {
 public:
  static Decoder open(Checkpoint checkpoint);

  const DecoderConfig& config() const { return config_; }
  const Checkpoint& checkpoint() const { return checkpoint_; }
  const PackedSet& packed() const { return packed_; }

  LayerWeights load_layer(std::int64_t layer, WeightStorage storage) const;

  // hidden: tokens.size()×hidden_size. The tokens are sequences of `length`, one after the other; a sequence starts at
  // position first_position.
  void embed(std::span<const std::int32_t> tokens, std::int64_t length, MatrixView<float> hidden,
             std::int64_t first_position = 0) const;

  const TensorView& head() const;         // [vocab_size, embedding_size]: the embedding where the head is tied
  NormWeights load_final_norm() const;    // empty weights: none, or without affine part
  const TensorView* project_out() const;  // null: none

 private:
  Decoder(Checkpoint checkpoint, DecoderConfig config);

  void strip_model_prefix();
  void check_tensors() const;
  void check_tokens(std::span<const std::int32_t> tokens, std::int64_t length, std::int64_t first_position) const;
  void check_linear(const LinearSpec& spec) const;
  NormWeights load_norm(const std::string& base) const;
  Linear load_linear(LinearSpec spec, WeightStorage storage) const;

  Checkpoint checkpoint_;
  PackedSet packed_;
  DecoderConfig config_;
};

}  // namespace lacuna
