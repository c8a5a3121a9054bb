// Perplexity of a model whose linears read thresholded inputs, at one or several activation sparsities.
//
// The thresholds apply at every position of every window (TEAL leaves the first half of each prefill dense). They come
// from a profile (`lacuna activations`); calibrate_on() makes one of the first windows of a text, for want of any
// other: the thresholds then have seen a part of what they are judged on.
//
// Errors  invalid_argument: no target, one the profile does not hold; missing_tensor: the profile is another model's;
//         those of model/perplexity.hpp.
#pragma once

#include <span>
#include <vector>

#include "lacuna/activations/profile.hpp"
#include "lacuna/model/perplexity.hpp"
#include "lacuna/study/analyses/activation_run.hpp"
#include "lacuna/study/analyses/evaluation.hpp"

namespace lacuna {

struct SparseEvaluation {
  double sparsity = 0.0;  // target
  PerplexityResult result;
};

std::vector<SparseEvaluation> evaluate_sparse(const EvaluationRequest& request, const TokenSource& text,
                                              const ActivationProfile& profile, const std::vector<double>& sparsities,
                                              ThresholdRule rule, const RunContext& context);

// The same of a prompt and what the dense model says after it, 128 tokens in all: for text generation without a
// profile.
ActivationProfile calibrate_on_prompt(const std::string& model, std::span<const std::int32_t> prompt, double sparsity,
                                      Compute compute, const RunContext& context);

ActivationProfile calibrate_on(const std::string& model, const TokenSource& text, const PerplexityOptions& options,
                               const std::vector<double>& sparsities, const RunContext& context);

}  // namespace lacuna
