// Perplexity of a model on a token stream, and its divergence from the dense model it was made from.
//
//   The stream is cut into ⌊n / seqlen⌋ disjoint windows; each predicts its last seqlen − 1 tokens from those before.
//   nll         mean over windows of the window's mean −log p(target)
//   perplexity  exp(nll)
//   kl_mean     mean over positions of KL(dense ‖ model) of the next-token distributions, in nats
//   top1        share of positions at which both models find the same token most likely
//   …_stderr    standard error of the mean over windows (positions of one window are not independent)
//
// Accuracy  logits as model/forward.hpp; log-sum-exp and divergence as kernels/softmax; means in f64.
// Memory    hidden states of a few windows per model, and a block of logits.
// Threads   parallel inside.
// Errors    not_enough_tokens, bad_token, invalid_argument (seqlen below 2, or above the model's learned positions),
//           shape_mismatch (vocabularies differ), not_finite (names the window), interrupted, file_changed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lacuna/core/run_context.hpp"
#include "lacuna/model/decoder.hpp"
#include "lacuna/model/linear_product.hpp"
#include "lacuna/model/whole_forward.hpp"

namespace lacuna {

struct PerplexityOptions {
  std::int64_t seqlen = 512;
  std::int64_t max_windows = 0;  // 0: all
  Compute compute = Compute::f32;
  std::vector<InputThreshold> thresholds;  // of the model's linears, not the dense one's; at every position
};

struct Divergence {
  double kl_mean = 0.0;
  double kl_stderr = 0.0;
  double top1_agreement = 0.0;
  double top1_stderr = 0.0;
  double dense_nll = 0.0;
  double dense_perplexity = 0.0;
};

struct PerplexityResult {
  double perplexity = 0.0;
  double perplexity_stderr = 0.0;  // perplexity · nll_stderr
  double nll = 0.0;
  double nll_stderr = 0.0;  // 0 for a single window
  std::int64_t seqlen = 0;
  std::int64_t windows = 0;
  std::int64_t tokens = 0;  // targets: windows · (seqlen − 1)
  std::optional<Divergence> divergence;
  std::optional<double> skipped_weights;  // with thresholds: share of the weights that met an input of 0
};

PerplexityResult measure_perplexity(const Decoder& model, std::span<const std::int32_t> tokens,
                                    const PerplexityOptions& options, const RunContext& context);

// With the divergence of `model` from `dense`, in one pass over the windows.
PerplexityResult measure_divergence(const Decoder& model, const Decoder& dense, std::span<const std::int32_t> tokens,
                                    const PerplexityOptions& options, const RunContext& context);

}  // namespace lacuna
