#include "lacuna/study/analyses/activation_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>

#include "lacuna/activations/active_sets.hpp"
#include "lacuna/activations/greedy.hpp"
#include "lacuna/activations/histogram.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

constexpr std::array kQuantiles = {0.01, 0.05, 0.1, 0.25, 0.4, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999};
constexpr int kHistogramBins = 64;
constexpr GroupRange kAllGroups = {InputGroup::attention, InputGroup::mlp_output};

using Distributions = std::map<InputGroup, ActivationDistribution>;

void check_options(const ActivationOptions& options, const CalibrationSet& calibration) {
  if (options.targets.empty()) throw Error(ErrorCode::invalid_argument, "activations: expected a target sparsity");
  for (std::size_t i = 0; i < options.targets.size(); ++i) {
    const double target = options.targets[i];
    const auto earlier = options.targets.begin() + static_cast<std::ptrdiff_t>(i);
    if (!(target > 0.0 && target < 1.0) || std::find(options.targets.begin(), earlier, target) != earlier) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("activations: expected different targets in (0, 1), got {}", target));
    }
  }
  if (options.coactivation && !(*options.coactivation > 0.0 && *options.coactivation < 1.0)) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("co-activation: expected a sparsity in (0, 1), got {}", *options.coactivation));
  }
  if (options.greedy && (options.greedy_sequences < 1 || options.greedy_sequences > calibration.samples)) {
    throw Error(ErrorCode::invalid_argument, fmt::format("greedy allocation: expected 1 to {} sequences, got {}",
                                                         calibration.samples, options.greedy_sequences));
  }
}

std::vector<std::string> readers(const LayerWeights& layer, InputGroup group) {
  std::vector<std::string> components;
  for (const auto& linear : layer.linears) {
    if (linear.spec.group == group) components.push_back(linear.spec.component);
  }
  return components;
}

InputProfile describe(const ActivationDistribution& distribution, const std::vector<double>& targets) {
  InputProfile input;
  input.values = static_cast<std::int64_t>(distribution.count());
  input.zero_share = distribution.zero_share();
  input.largest = distribution.largest_magnitude();
  for (const double q : kQuantiles) input.quantiles.emplace_back(q, distribution.magnitude_quantile(q));
  input.histogram = distribution.magnitude_bins(kHistogramBins);
  for (const double target : targets) {
    TargetThreshold threshold;
    threshold.sparsity = target;
    threshold.quantile = distribution.magnitude_quantile(target);
    threshold.teal = std::max(0.0, distribution.teal_threshold(target));
    threshold.given = distribution.share_up_to(threshold.quantile);
    threshold.teal_given = distribution.share_up_to(threshold.teal);
    threshold.energy_kept = distribution.energy_kept(threshold.quantile);
    input.targets.push_back(threshold);
  }
  return input;
}

CoActivation describe(const BitMatrix& active, std::int64_t length, double sparsity, double threshold) {
  CoActivation result;
  result.sparsity = sparsity;
  result.threshold = threshold;
  const auto curve = activation_frequency(active);
  constexpr std::size_t kPercent = 100;
  for (std::size_t p = 0; p <= kPercent && !curve.frequencies.empty(); ++p) {
    result.frequency_percentiles.push_back(curve.frequencies[p * (curve.frequencies.size() - 1) / kPercent]);
  }
  result.hot_80 = curve.hot_share(0.8);
  result.always = curve.always;
  result.never = curve.never;
  const auto overlap = active_overlap(active, length);
  result.overlap_neighbours = overlap.neighbours;
  result.overlap_prompts = overlap.prompts;
  result.overlap_independent = overlap.independent;
  return result;
}

double norm(const Matrix<float>& m) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < m.numel(); ++i)
    sum += static_cast<double>(m.data()[i]) * static_cast<double>(m.data()[i]);
  return std::sqrt(sum);
}

double distance(const Matrix<float>& a, const Matrix<float>& b) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    const double d = static_cast<double>(a.data()[i]) - static_cast<double>(b.data()[i]);
    sum += d * d;
  }
  return std::sqrt(sum);
}

class ActivationMeasurement {
 public:
  ActivationMeasurement(const Decoder& decoder, const CalibrationSet& calibration, const ActivationOptions& options,
                        const RunContext& context)
      : decoder_(decoder),
        calibration_(calibration),
        options_(options),
        context_(context),
        forward_(decoder.config(), options.compute),
        hidden_(calibration.samples * calibration.seqlen, decoder.config().hidden_size) {}

  ActivationRun run() {
    decoder_.embed(calibration_.tokens, calibration_.seqlen, hidden_.view());
    const auto n_layers = static_cast<std::uint64_t>(decoder_.config().n_layers);
    for (std::int64_t index = 0; index < decoder_.config().n_layers; ++index) {
      context_.check_stop();
      LayerWeights layer = decoder_.load_layer(index, options_.greedy ? WeightStorage::owned : WeightStorage::mapped);
      const auto distributions = measure_inputs(layer);
      if (options_.coactivation) collect_active(layer, distributions);
      if (options_.greedy) allocate(layer, distributions);
      forward_.run(layer, hidden_.view(), calibration_.seqlen);
      const auto done = static_cast<std::uint64_t>(index + 1);
      context_.report({"activations", fmt::format("layer {}", index), "layers", done, n_layers,
                       static_cast<double>(done) / static_cast<double>(n_layers)});
    }
    decoder_.checkpoint().check_intact();
    result_.profile.calibration_digest = calibration_.digest;
    result_.profile.samples = calibration_.samples;
    result_.profile.seqlen = calibration_.seqlen;
    result_.profile.targets = options_.targets;
    return std::move(result_);
  }

 private:
  Distributions measure_inputs(const LayerWeights& layer) {
    std::map<InputGroup, ActivationHistogram> histograms;
    std::map<InputGroup, std::int64_t> features;
    forward_.capture(layer, hidden_.view(), calibration_.seqlen, kAllGroups, [&](const TappedInput& tap) {
      features[tap.group] = tap.input.cols;
      try {
        histograms[tap.group].add(tap.input);
      } catch (const Error& error) {
        throw Error(error.code(),
                    fmt::format("layer {} {}: {}", layer.index, input_group_name(tap.group), error.message()));
      }
    });
    Distributions distributions;
    for (const auto& [group, histogram] : histograms) {
      const auto& distribution = distributions.emplace(group, histogram.distribution()).first->second;
      InputProfile input = describe(distribution, options_.targets);
      input.layer = static_cast<int>(layer.index);
      input.components = readers(layer, group);
      input.features = features[group];
      result_.profile.inputs.push_back(std::move(input));
    }
    return distributions;
  }

  void collect_active(const LayerWeights& layer, const Distributions& distributions) {
    std::map<InputGroup, BitMatrix> active;
    std::map<InputGroup, float> thresholds;
    for (const auto& [group, distribution] : distributions)
      thresholds[group] = static_cast<float>(distribution.magnitude_quantile(*options_.coactivation));
    forward_.capture(layer, hidden_.view(), calibration_.seqlen, kAllGroups, [&](const TappedInput& tap) {
      auto& bits = active.try_emplace(tap.group, hidden_.rows(), tap.input.cols).first->second;
      set_active(tap.input, thresholds[tap.group], tap.first_sequence * calibration_.seqlen, bits);
    });
    auto input = result_.profile.inputs.end() - static_cast<std::ptrdiff_t>(active.size());
    for (auto& [group, bits] : active) {
      input->coactivation =
          describe(bits, calibration_.seqlen, *options_.coactivation, static_cast<double>(thresholds[group]));
      result_.active.push_back({input->layer, input->components.front(), std::move(bits)});
      ++input;
    }
  }

  void allocate(LayerWeights& layer, const Distributions& distributions) {
    const std::int64_t rows = options_.greedy_sequences * calibration_.seqlen;
    const auto output = [&] {
      Matrix<float> hidden(rows, hidden_.cols());
      std::memcpy(hidden.data(), hidden_.data(), static_cast<std::size_t>(hidden.numel()) * sizeof(float));
      forward_.run(layer, hidden.view(), calibration_.seqlen);
      return hidden;
    };
    const auto dense = output();
    const double scale = std::max(norm(dense), 1e-300);
    const auto threshold_of = [&](std::size_t i, double sparsity) {
      return distributions.at(layer.linears[i].spec.group).magnitude_quantile(sparsity);
    };
    const auto error = [&](std::span<const double> sparsities) {
      context_.check_stop();
      for (std::size_t i = 0; i < layer.linears.size(); ++i) {
        layer.linears[i].input_threshold =
            sparsities[i] > 0.0 ? static_cast<float>(threshold_of(i, sparsities[i])) : kNoThreshold;
      }
      return distance(output(), dense) / scale;
    };
    std::vector<std::int64_t> sizes;
    for (const auto& linear : layer.linears) sizes.push_back(linear.rows() * linear.cols());
    const double highest = *std::max_element(options_.targets.begin(), options_.targets.end());
    const auto path = allocate_greedily(sizes, options_.greedy_step, highest, error);
    const std::size_t first = result_.profile.allocations.size();
    for (std::size_t i = 0; i < sizes.size(); ++i)
      result_.profile.allocations.push_back(
          {static_cast<int>(layer.index), layer.linears[i].spec.component, sizes[i], {}});
    for (const double target : options_.targets) {
      const auto& step = closest_step(path, target);
      const double uniform = error(std::vector<double>(sizes.size(), step.effective));
      for (std::size_t i = 0; i < sizes.size(); ++i) {
        const double sparsity = step.sparsities[i];
        const double threshold = sparsity > 0.0 ? threshold_of(i, sparsity) : 0.0;
        result_.profile.allocations[first + i].targets.push_back(
            {target, sparsity, threshold, step.effective, step.error, uniform});
      }
    }
    for (auto& linear : layer.linears) linear.input_threshold = kNoThreshold;
  }

  const Decoder& decoder_;
  const CalibrationSet& calibration_;
  const ActivationOptions& options_;
  const RunContext& context_;
  LayerForward forward_;
  Matrix<float> hidden_;
  ActivationRun result_;
};

}  // namespace

ActivationRun measure_activations(const Decoder& decoder, const CalibrationSet& calibration,
                                  const ActivationOptions& options, const RunContext& context) {
  check_options(options, calibration);
  return ActivationMeasurement(decoder, calibration, options, context).run();
}

void require_profile_of(const ActivationProfile& profile, const DecoderConfig& config) {
  std::map<std::pair<std::int64_t, std::string>, std::int64_t> inputs;
  for (const auto& input : profile.inputs) {
    for (const auto& component : input.components) inputs[{input.layer, component}] = input.features;
  }
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    for (const LinearSpec& spec : layer_linears(config, layer)) {
      const auto found = inputs.find({layer, spec.component});
      if (found != inputs.end() && found->second == spec.cols) continue;
      const auto has = found == inputs.end() ? std::string("nothing") : fmt::format("{}", found->second);
      throw Error(ErrorCode::missing_tensor,
                  fmt::format("the profile, of {}, is another model's: layer {} {}: expected {} inputs, got {}",
                              profile.model, layer, spec.component, spec.cols, has))
          .hint("lacuna activations MODEL --calib FILE -o PROFILE makes one of this model");
    }
  }
}

std::vector<InputThreshold> profile_thresholds(const ActivationProfile& profile, double target, ThresholdRule rule) {
  const auto found = std::find(profile.targets.begin(), profile.targets.end(), target);
  if (found == profile.targets.end()) {
    std::string known;
    for (const double t : profile.targets) known += fmt::format("{}{}", known.empty() ? "" : ", ", t);
    throw Error(ErrorCode::invalid_argument,
                fmt::format("the profile holds thresholds for sparsities {}, not for {}", known, target))
        .hint(fmt::format("lacuna activations … --sparsity {}", target));
  }
  const auto index = static_cast<std::size_t>(found - profile.targets.begin());
  std::vector<InputThreshold> thresholds;
  if (rule == ThresholdRule::greedy) {
    if (profile.allocations.empty()) {
      throw Error(ErrorCode::invalid_argument, "the profile holds no greedy allocation")
          .hint("lacuna activations … --allocate greedy");
    }
    for (const auto& linear : profile.allocations)
      thresholds.push_back({linear.layer, linear.component, static_cast<float>(linear.targets[index].threshold)});
    return thresholds;
  }
  for (const auto& input : profile.inputs) {
    const auto& t = input.targets[index];
    for (const auto& component : input.components) {
      thresholds.push_back(
          {input.layer, component, static_cast<float>(rule == ThresholdRule::teal ? t.teal : t.quantile)});
    }
  }
  return thresholds;
}

}  // namespace lacuna
