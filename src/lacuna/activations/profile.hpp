// What a calibration run found out about the inputs of every linear, and the thresholds that follow: plain data.
//
//   ActivationProfile ─┬─ InputProfile       one per distinct input: {q, k, v}, {o}, {gate, up}, {down} of each layer
//                      └─ LinearAllocation   one per linear: thresholds of the greedy allocation, where one was made
//
// study/activation_file.hpp writes and reads it as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lacuna/activations/distribution.hpp"

namespace lacuna {

// Entries with |x| ≤ threshold count as 0.
struct TargetThreshold {
  double sparsity = 0.0;     // asked for
  double quantile = 0.0;     // threshold: the sparsity-quantile of |x|
  double teal = 0.0;         // threshold of TEAL's histogram rule
  double given = 0.0;        // sparsity that `quantile` gives on the calibration set
  double teal_given = 0.0;   // and `teal`
  double energy_kept = 0.0;  // with `quantile`
};

struct CoActivation {
  double sparsity = 0.0;  // of the threshold
  double threshold = 0.0;
  std::vector<double> frequency_percentiles;  // of the features' activation frequencies, at 0, 1, …, 100 % from hot
  double hot_80 = 0.0;                        // share of features that makes up 80 % of all activations
  double always = 0.0;
  double never = 0.0;
  double overlap_neighbours = 0.0;
  double overlap_prompts = 0.0;
  double overlap_independent = 0.0;
};

struct InputProfile {
  int layer = 0;
  std::vector<std::string> components;  // all that read this input: {"self_attn.q_proj", …}
  std::int64_t features = 0;
  std::int64_t values = 0;
  double zero_share = 0.0;                           // exact zeros
  double largest = 0.0;                              // |x|
  std::vector<std::pair<double, double>> quantiles;  // q, value of |x|
  MagnitudeBins histogram;
  std::vector<TargetThreshold> targets;
  std::optional<CoActivation> coactivation;
};

struct AllocatedThreshold {
  double target = 0.0;  // of the whole block
  double sparsity = 0.0;
  double threshold = 0.0;
  double block_sparsity = 0.0;  // reached: weighted by the linears' sizes
  double block_error = 0.0;     // ‖ŷ − y‖ / ‖y‖ of the block's output
  double uniform_error = 0.0;   // the same with every linear at block_sparsity
};

struct LinearAllocation {
  int layer = 0;
  std::string component;
  std::int64_t weights = 0;
  std::vector<AllocatedThreshold> targets;
};

struct ActivationProfile {
  std::string model;
  std::string calibration;
  std::string calibration_digest;
  std::int64_t samples = 0;
  std::int64_t seqlen = 0;
  std::uint64_t seed = 0;
  std::vector<double> targets;
  std::vector<InputProfile> inputs;           // by layer, in the order of the forward pass
  std::vector<LinearAllocation> allocations;  // empty: uniform
};

}  // namespace lacuna
