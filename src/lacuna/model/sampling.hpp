// Choosing the next token from logits.
//
//   temperature 0     the most likely token; the lowest id wins ties
//   otherwise         p = softmax(logits / temperature), cut to the top_k most likely tokens, then to the smallest set
//                     of most likely tokens whose probabilities reach top_p, and drawn from what is left
//
// Exact    probabilities in f64; equal logits, options and generator state give equal tokens.
// Errors   invalid_argument (an option out of range), not_finite (a logit is NaN or +infinity).
#pragma once

#include <cstdint>
#include <span>

#include "lacuna/core/random.hpp"

namespace lacuna {

struct SamplingOptions {
  double temperature = 1.0;  // ≥ 0
  std::int64_t top_k = 0;    // 0: all
  double top_p = 1.0;        // (0, 1]
};

void check_sampling_options(const SamplingOptions& options);
std::int32_t sample_token(std::span<const float> logits, const SamplingOptions& options, Random& random);

}  // namespace lacuna
