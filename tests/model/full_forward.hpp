// Logits of a whole model for a batch of sequences, the plain way: every layer in turn, all logits at once.
#pragma once

#include <span>

#include "lacuna/model/forward.hpp"
#include "lacuna/model/lm_head.hpp"

namespace lacuna::test {

inline Matrix<float> full_logits(const Decoder& decoder, std::span<const std::int32_t> tokens, std::int64_t length,
                                 Compute compute = Compute::f32, WeightStorage storage = WeightStorage::mapped) {
  const DecoderConfig& config = decoder.config();
  const auto rows = static_cast<std::int64_t>(tokens.size());
  Matrix<float> hidden(rows, config.hidden_size);
  decoder.embed(tokens, length, hidden.view());
  LayerForward forward(config, compute);
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    forward.run(decoder.load_layer(layer, storage), hidden.view(), length);
  }
  LmHead head(decoder, compute);
  const auto states = head.states(hidden.view());
  Matrix<float> logits(rows, config.vocab_size);
  head.logits(states.view(), logits.view());
  return logits;
}

}  // namespace lacuna::test
