// Softmax of attention scores, and statistics of next-token distributions that never hold a whole row of logits.
//
//   softmax_window   s[i] ← e^(s[i] − max) / Σ e^(s[j] − max)  over begin ≤ i < end; 0 elsewhere in [0, n)
//   TokenDistribution   fed the logits a[0..V) of one position block by block, in order:
//                       log-sum-exp, and the most likely token (the lowest id wins ties)
//   DistributionPair    the same for two models' logits a, b at once, and KL(a‖b) = Σ p_a·(a − b) − lse(a) + lse(b)
//
// Accuracy  exponentials in f32 (≤ 2 ulp), sums of at most 512 of them in f32, everything above that in f64.
//           Deterministic for a given ISA and block size.
//           One NaN among the inputs makes every output NaN; −infinity is a probability of 0.
// Threads   one row per call; safe on distinct rows.
// Source    kernels/softmax/README.md.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

namespace lacuna::kernels {

void softmax_window(std::span<float> scores, std::int64_t begin, std::int64_t end);  // 0 ≤ begin < end ≤ size

struct TokenDistribution {
  float max = -std::numeric_limits<float>::infinity();
  double sum = 0.0;        // Σ e^(a − max) so far
  std::int64_t best = -1;  // the position of max
  std::int64_t seen = 0;   // logits fed so far

  void add(std::span<const float> logits);
  double log_sum_exp() const;
};

struct DistributionPair {
  TokenDistribution a;
  TokenDistribution b;
  double cross = 0.0;  // Σ e^(a − a.max)·(a − b) so far

  void add(std::span<const float> logits_a, std::span<const float> logits_b);
  double kl_divergence() const;  // never below 0 but for rounding
};

namespace scalar {
void softmax_window(std::span<float> scores, std::int64_t begin, std::int64_t end);
}  // namespace scalar

}  // namespace lacuna::kernels
