// Text generation, one token at a time with a KV cache.
//
//   Generator generator(decoder, Compute::f32);
//   auto tokens = generator.run(prompt, options, [&](std::int32_t token) { …; return true; }, context);
//
// A generator may serve any number of runs; each starts from its own prompt and seed. Models whose RoPE frequencies
// depend on the length (dynamic, longrope) use those of prompt + max_new_tokens throughout.
//
// Exact    equal prompts, options and seeds give equal tokens on one machine with one thread count; across machines the
//          rounding of logits may tip a choice.
// Memory   KvCache for prompt + max_new_tokens positions; weights stay mapped. With thresholds, the weights once more,
//          packed ones of 16 bits without their zeros.
// Threads  parallel inside; one run at a time per object.
// Errors   invalid_argument (empty prompt of a model without BOS token, options out of range, more positions than the
//          model has), bad_token, not_finite, interrupted.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "lacuna/model/logit_source.hpp"
#include "lacuna/model/sampling.hpp"
#include "lacuna/model/whole_forward.hpp"

namespace lacuna {

struct GenerateOptions {
  std::int64_t max_new_tokens = 128;
  SamplingOptions sampling;
  std::uint64_t seed = 0;
  bool stop_at_eos = true;                // the tokens that config.json names
  std::vector<std::int32_t> stop_tokens;  // further ones
};

// Called with each new token, a stop token included; false ends the run.
using NewTokenFn = std::function<bool(std::int32_t)>;

// The new tokens, without the prompt. An empty prompt stands for the BOS token. A stop token is the last one returned.
std::vector<std::int32_t> generate_tokens(LogitSource& source, std::span<const std::int32_t> prompt,
                                          const GenerateOptions& options, const NewTokenFn& on_token,
                                          const RunContext& context);

// Generation on the processor.
class Generator final : public LogitSource {
 public:
  Generator(const Decoder& decoder, Compute compute);  // the decoder must outlive it

  std::vector<std::int32_t> run(std::span<const std::int32_t> prompt, const GenerateOptions& options,
                                const NewTokenFn& on_token, const RunContext& context) {
    return generate_tokens(*this, prompt, options, on_token, context);
  }

  // Input thresholds of linears (layer.hpp). Steps of single tokens then read the columns of the weights that count,
  // for which those that are wanted are stored once more by columns; prompts go through GEMM, with the same inputs
  // taken as 0.
  Conversion set_thresholds(std::span<const InputThreshold> thresholds, const RunContext& context,
                            const LinearFilter& wanted = {}) {
    forward_.set_thresholds(thresholds);
    return forward_.store_columns(context, wanted);
  }
  Conversion expand_packed(const LinearFilter& wanted, const RunContext& context) {
    return forward_.expand_packed(wanted, context);
  }
  // Last: products of single tokens then go value by value where few are left. Bits may differ from the dense model's.
  Conversion slice_rows(const RunContext& context) {
    return compute_ == Compute::f32 ? forward_.slice_rows(context) : Conversion{};
  }
  std::optional<double> skipped_weights() const { return forward_.skipped_weights(); }

  const DecoderConfig& config() const override { return forward_.decoder().config(); }
  void start(std::int64_t capacity) override;
  std::span<const float> advance(std::span<const std::int32_t> tokens, const RunContext& context) override;

 private:
  Compute compute_;
  WholeForward forward_;
  std::optional<KvCache> cache_;
  AlignedBuffer<float> logits_;
};

}  // namespace lacuna
