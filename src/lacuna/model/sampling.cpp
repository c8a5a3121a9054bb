#include "lacuna/model/sampling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

struct Candidate {
  float logit;
  std::int32_t token;
};

bool more_likely(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
}

std::int32_t most_likely(std::span<const float> logits) {
  return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

void check_logits(std::span<const float> logits) {
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(logits[i]) || logits[i] == std::numeric_limits<float>::infinity()) {
      throw Error(ErrorCode::not_finite, fmt::format("logit of token {}: expected a number, found {}", i, logits[i]));
    }
  }
}

// The top_k most likely tokens, most likely first; all of them for 0.
std::vector<Candidate> candidates(std::span<const float> logits, const SamplingOptions& options) {
  std::vector<Candidate> all(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) all[i] = {logits[i], static_cast<std::int32_t>(i)};
  const auto wanted = static_cast<std::size_t>(options.top_k);
  if (wanted > 0 && wanted < all.size()) {
    std::nth_element(all.begin(), all.begin() + options.top_k, all.end(), more_likely);
    all.resize(wanted);
  }
  std::sort(all.begin(), all.end(), more_likely);
  return all;
}

}  // namespace

void check_sampling_options(const SamplingOptions& options) {
  if (!(options.temperature >= 0.0) || !std::isfinite(options.temperature)) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("temperature: expected a number from 0 up, got {}", options.temperature));
  }
  if (options.top_k < 0) {
    throw Error(ErrorCode::invalid_argument, fmt::format("top-k: expected 0 (all) or more, got {}", options.top_k));
  }
  if (!(options.top_p > 0.0 && options.top_p <= 1.0)) {
    throw Error(ErrorCode::invalid_argument, fmt::format("top-p: expected a number in (0, 1], got {}", options.top_p));
  }
}

std::int32_t sample_token(std::span<const float> logits, const SamplingOptions& options, Random& random) {
  LACUNA_ASSERT(!logits.empty());
  check_sampling_options(options);
  check_logits(logits);
  if (options.temperature == 0.0) return most_likely(logits);

  auto kept = candidates(logits, options);
  std::vector<double> weights(kept.size());
  double total = 0.0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const double distance = static_cast<double>(kept[i].logit) - static_cast<double>(kept[0].logit);
    weights[i] = std::exp(distance / options.temperature);
    total += weights[i];
  }
  if (options.top_p < 1.0) {
    double covered = 0.0;
    std::size_t n = 0;
    while (n < weights.size() && covered < options.top_p * total) covered += weights[n++];
    weights.resize(n);
    total = covered;
  }
  const double target = random.uniform() * total;
  double passed = 0.0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    passed += weights[i];
    if (target < passed) return kept[i].token;
  }
  return kept[weights.size() - 1].token;  // target and total may differ in the last bit
}

}  // namespace lacuna
