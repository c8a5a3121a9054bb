#include "lacuna/study/analyses/sparse_evaluation.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/model/decoder.hpp"
#include "lacuna/model/generate.hpp"

namespace lacuna {

std::vector<SparseEvaluation> evaluate_sparse(const EvaluationRequest& request, const TokenSource& text,
                                              const ActivationProfile& profile, const std::vector<double>& sparsities,
                                              ThresholdRule rule, const RunContext& context) {
  if (sparsities.empty()) throw Error(ErrorCode::invalid_argument, "expected an activation sparsity");
  std::vector<PerplexityOptions> options;
  for (const double sparsity : sparsities) {  // all of them, before the first takes its time
    options.push_back(request.options);
    options.back().thresholds = profile_thresholds(profile, sparsity, rule);
  }
  const Decoder model = Decoder::open(Checkpoint::open(request.model));
  require_profile_of(profile, model.config());
  std::optional<Decoder> dense;
  if (!request.against.empty()) dense = Decoder::open(Checkpoint::open(request.against));
  std::vector<SparseEvaluation> evaluations;
  for (std::size_t i = 0; i < sparsities.size(); ++i) {
    evaluations.push_back({sparsities[i], dense ? measure_divergence(model, *dense, text.ids, options[i], context)
                                                : measure_perplexity(model, text.ids, options[i], context)});
  }
  return evaluations;
}

ActivationProfile calibrate_on_prompt(const std::string& reference, std::span<const std::int32_t> prompt,
                                      double sparsity, Compute compute, const RunContext& context) {
  constexpr std::int64_t kTokens = 128;
  const Decoder model = Decoder::open(Checkpoint::open(reference));
  TokenSource text;
  text.ids.assign(prompt.begin(), prompt.begin() + std::min<std::ptrdiff_t>(kTokens, std::ssize(prompt)));
  if (std::ssize(text.ids) < kTokens) {
    GenerateOptions options;
    options.max_new_tokens = kTokens - std::ssize(text.ids);
    options.stop_at_eos = false;
    const auto more = Generator(model, compute).run(text.ids, options, {}, context);
    text.ids.insert(text.ids.end(), more.begin(), more.end());
  }
  PerplexityOptions options;
  options.seqlen = std::ssize(text.ids);
  options.compute = compute;
  return calibrate_on(reference, text, options, {sparsity}, context);
}

ActivationProfile calibrate_on(const std::string& reference, const TokenSource& text, const PerplexityOptions& options,
                               const std::vector<double>& sparsities, const RunContext& context) {
  constexpr std::int64_t kWindows = 8;
  const auto windows = std::min(kWindows, static_cast<std::int64_t>(text.ids.size()) / options.seqlen);
  if (windows == 0) {
    throw Error(ErrorCode::not_enough_tokens,
                fmt::format("expected at least one window of {} tokens, found {}", options.seqlen, text.ids.size()));
  }
  CalibrationSet set;
  set.samples = windows;
  set.seqlen = options.seqlen;
  set.tokens.assign(text.ids.begin(), text.ids.begin() + windows * options.seqlen);
  set.digest = digest_tokens(set.tokens);
  ActivationOptions activation;
  activation.targets = sparsities;
  activation.compute = options.compute;
  const Decoder model = Decoder::open(Checkpoint::open(reference));
  return measure_activations(model, set, activation, context).profile;
}

}  // namespace lacuna
