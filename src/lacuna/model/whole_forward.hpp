// All layers of a decoder, one after the other, with its weights left mapped.
//
// Memory   the hidden states of the tokens given, LayerForward's scratch, and one linear widened at a time; the weights
//          themselves stay in the page cache.
// Threads  parallel inside; one call at a time per object.
// Errors   as Decoder::embed; interrupted, between layers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lacuna/core/run_context.hpp"
#include "lacuna/model/forward.hpp"
#include "lacuna/model/kv_cache.hpp"
#include "lacuna/model/lm_head.hpp"

namespace lacuna {

class WholeForward {
 public:
  WholeForward(const Decoder& decoder, Compute compute);  // the decoder must outlive it

  // What the head takes, for sequences of `length` tokens each: tokens.size() rows.
  Matrix<float> states(std::span<const std::int32_t> tokens, std::int64_t length, const RunContext& context);
  // The same for the next tokens of one sequence whose earlier ones are in the cache, which grows by them.
  Matrix<float> extend(std::span<const std::int32_t> tokens, KvCache& cache, const RunContext& context);

  LmHead& head() { return head_; }
  const Decoder& decoder() const { return *decoder_; }

 private:
  const Decoder* decoder_;
  std::vector<LayerWeights> layers_;
  LayerForward forward_;
  LmHead head_;
};

}  // namespace lacuna
