// All layers of a decoder, one after the other, with its weights left mapped.
//
// Memory   the hidden states of the tokens given, LayerForward's scratch, and one linear widened at a time; the weights
//          themselves stay in the page cache.
// Threads  parallel inside; one call at a time per object.
// Errors   as Decoder::embed; interrupted, between layers. set_thresholds: missing_tensor, a threshold for a linear
//          that the model does not have; invalid_argument, one that is not finite and at least 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lacuna/core/run_context.hpp"
#include "lacuna/model/forward.hpp"
#include "lacuna/model/kv_cache.hpp"
#include "lacuna/model/lm_head.hpp"

namespace lacuna {

struct InputThreshold {
  std::int64_t layer = 0;
  std::string component;  // "mlp.down_proj"
  float threshold = kNoThreshold;
};

using LinearFilter = std::function<bool(const LayerWeights&, const Linear&)>;

// Weights that were stored in another form.
struct Conversion {
  std::int64_t linears = 0;
  std::uint64_t bytes = 0;  // of their dense form
};

class WholeForward {
 public:
  WholeForward(const Decoder& decoder, Compute compute);  // the decoder must outlive it

  // What the head takes, for sequences of `length` tokens each: tokens.size() rows.
  Matrix<float> states(std::span<const std::int32_t> tokens, std::int64_t length, const RunContext& context);
  // The same for the next tokens of one sequence whose earlier ones are in the cache, which grows by them.
  Matrix<float> extend(std::span<const std::int32_t> tokens, KvCache& cache, const RunContext& context);

  // Input thresholds of linears (layer.hpp); those not named keep theirs.
  void set_thresholds(std::span<const InputThreshold> thresholds);
  // Stores the weights of linears with a threshold once more, by columns (layer.hpp): steps of few tokens then read the
  // columns that count. Those that are not wanted keep reading every column, with the same inputs taken as 0. Costs
  // their size in memory, of packed ones of 16 bits without their zeros, and reading all of them; interrupted, between
  // layers.
  Conversion store_columns(const RunContext& context, const LinearFilter& wanted = {});
  // Expands packed linears that are wanted, bit for bit: products then read dense weights, and give the same bits where
  // kernels/packed_gemv adds up in their order.
  // Costs their dense size in memory; interrupted, between layers.
  Conversion expand_packed(const LinearFilter& wanted, const RunContext& context);
  // Slices very sparse packed weights (layer.hpp) of linears without columns, for steps of single tokens: their packed
  // size in memory once more. Interrupted, between layers.
  Conversion slice_rows(const RunContext& context);
  std::optional<double> skipped_weights() const { return forward_.skipped_weights(); }

  LmHead& head() { return head_; }
  const Decoder& decoder() const { return *decoder_; }

 private:
  const Decoder* decoder_;
  std::vector<LayerWeights> layers_;
  std::vector<AlignedBuffer<std::byte>> expanded_;
  LayerForward forward_;
  LmHead head_;
};

}  // namespace lacuna
