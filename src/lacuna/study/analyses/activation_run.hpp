// Measures the inputs of every linear of a model over a calibration set: `lacuna activations`.
//
// One decoder layer is in memory at a time; the statistics of its inputs are taken in one pass, active sets in a second
// one (their thresholds come from the first), the greedy allocation from many passes over a few sequences.
//
// The greedy allocation measures, as TEAL does, how far a block's output moves from that of the dense block on dense
// inputs: ‖ŷ − y‖ / ‖y‖ over all tokens of the sequences it uses (TEAL: mean over features of norms over the last
// quarter of the tokens).
//
// Cost     greedy: about linears² · target / step forward passes of each block.
// Errors   invalid_argument: a target outside (0, 1), none at all, targets given twice; not_finite, with layer and
//          group; interrupted; those of the model.
#pragma once

#include <optional>
#include <vector>

#include "lacuna/activations/profile.hpp"
#include "lacuna/bits/bit_matrix.hpp"
#include "lacuna/core/run_context.hpp"
#include "lacuna/model/decoder.hpp"
#include "lacuna/model/forward.hpp"
#include "lacuna/model/whole_forward.hpp"
#include "lacuna/study/pruning/calibration.hpp"

namespace lacuna {

struct ActivationOptions {
  std::vector<double> targets = {0.25, 0.4, 0.5, 0.9};
  Compute compute = Compute::f32;
  bool greedy = false;
  double greedy_step = 0.05;           // of the block's first linear
  std::int64_t greedy_sequences = 2;   // of the calibration set
  std::optional<double> coactivation;  // sparsity that says which features are active
};

// The active sets of one input, tokens×features.
struct ActiveInput {
  int layer = 0;
  std::string component;  // the first that reads it
  BitMatrix active;
};

struct ActivationRun {
  ActivationProfile profile;        // without names of model and calibration file
  std::vector<ActiveInput> active;  // with options.coactivation
};

ActivationRun measure_activations(const Decoder& decoder, const CalibrationSet& calibration,
                                  const ActivationOptions& options, const RunContext& context);

enum class ThresholdRule { quantile, teal, greedy };

// The thresholds of a profile for one of its targets. Errors: invalid_argument: the profile has no such target, or no
// greedy allocation.
std::vector<InputThreshold> profile_thresholds(const ActivationProfile& profile, double target, ThresholdRule rule);

// Throws Error{missing_tensor} unless the profile has every linear of the model, with as many inputs as it has.
void require_profile_of(const ActivationProfile& profile, const DecoderConfig& config);

}  // namespace lacuna
