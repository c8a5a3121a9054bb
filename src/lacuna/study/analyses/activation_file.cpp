#include "lacuna/study/analyses/activation_file.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/study/analyses/json_fields.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMaxProfileBytes = 256U << 20U;
constexpr const char* kFormat = "lacuna activations";
constexpr int kVersion = 1;

Json to_json(const CoActivation& c) {
  return {{"sparsity", c.sparsity},
          {"threshold", c.threshold},
          {"hot_80", c.hot_80},
          {"always", c.always},
          {"never", c.never},
          {"overlap_neighbours", c.overlap_neighbours},
          {"overlap_prompts", c.overlap_prompts},
          {"overlap_independent", c.overlap_independent},
          {"frequency_percentiles", c.frequency_percentiles}};
}

Json to_json(const InputProfile& input) {
  Json targets = Json::array();
  for (const auto& t : input.targets) {
    targets.push_back({{"sparsity", t.sparsity},
                       {"quantile", t.quantile},
                       {"teal", t.teal},
                       {"given", t.given},
                       {"teal_given", t.teal_given},
                       {"energy_kept", t.energy_kept}});
  }
  Json quantiles = Json::array();
  for (const auto& [q, value] : input.quantiles) quantiles.push_back(Json::array({q, value}));
  Json json = {{"layer", input.layer},
               {"components", input.components},
               {"features", input.features},
               {"values", input.values},
               {"zero_share", input.zero_share},
               {"largest", input.largest},
               {"quantiles", quantiles},
               {"targets", targets},
               {"histogram", {{"top", input.histogram.top}, {"shares", input.histogram.shares}}}};
  if (input.coactivation) json["coactivation"] = to_json(*input.coactivation);
  return json;
}

Json to_json(const LinearAllocation& linear) {
  Json targets = Json::array();
  for (const auto& t : linear.targets) {
    targets.push_back({{"target", t.target},
                       {"sparsity", t.sparsity},
                       {"threshold", t.threshold},
                       {"block_sparsity", t.block_sparsity},
                       {"block_error", t.block_error},
                       {"uniform_error", t.uniform_error}});
  }
  return {{"layer", linear.layer}, {"component", linear.component}, {"weights", linear.weights}, {"targets", targets}};
}

using Fields = JsonFields;

constexpr double kLargest = 3.5e38;  // above every f32
constexpr std::int64_t kMaxCount = std::int64_t{1} << 62;
constexpr int kMaxLayers = 1 << 20;

TargetThreshold target_from(const Fields& fields) {
  TargetThreshold t;
  t.sparsity = fields.number("sparsity", 0, 1);
  t.quantile = fields.number("quantile", 0, kLargest);
  t.teal = fields.number("teal", 0, kLargest);
  t.given = fields.number("given", 0, 1);
  t.teal_given = fields.number("teal_given", 0, 1);
  t.energy_kept = fields.number("energy_kept", 0, 1);
  return t;
}

CoActivation coactivation_from(const Fields& fields) {
  CoActivation c;
  c.sparsity = fields.number("sparsity", 0, 1);
  c.threshold = fields.number("threshold", 0, kLargest);
  c.hot_80 = fields.number("hot_80", 0, 1);
  c.always = fields.number("always", 0, 1);
  c.never = fields.number("never", 0, 1);
  c.overlap_neighbours = fields.number("overlap_neighbours", 0, 1);
  c.overlap_prompts = fields.number("overlap_prompts", 0, 1);
  c.overlap_independent = fields.number("overlap_independent", 0, 1);
  c.frequency_percentiles = fields.numbers("frequency_percentiles", 0, 1);
  return c;
}

InputProfile input_from(const Json& json, const std::string& where, std::size_t n_targets) {
  const Fields fields(json, where);
  InputProfile input;
  input.layer = static_cast<int>(fields.integer("layer", 0, kMaxLayers));
  for (const auto& component : fields.array("components")) {
    if (!component.is_string()) throw Error(ErrorCode::corrupt_file, where + ".components: expected strings");
    input.components.push_back(component.get<std::string>());
  }
  input.features = fields.integer("features", 1, kMaxCount);
  input.values = fields.integer("values", 0, kMaxCount);
  input.zero_share = fields.number("zero_share", 0, 1);
  input.largest = fields.number("largest", 0, kLargest);
  for (const auto& pair : fields.array("quantiles")) {
    const bool good = pair.is_array() && pair.size() == 2 && pair[0].is_number() && pair[1].is_number();
    if (!good) throw Error(ErrorCode::corrupt_file, where + ".quantiles: expected pairs of numbers");
    input.quantiles.emplace_back(pair[0].get<double>(), pair[1].get<double>());
  }
  for (const auto& target : fields.array("targets")) input.targets.push_back(target_from({target, where + ".targets"}));
  if (input.targets.size() != n_targets || input.components.empty()) {
    throw Error(ErrorCode::corrupt_file, fmt::format("{}: expected a component and {} targets, got {} and {}", where,
                                                     n_targets, input.components.size(), input.targets.size()));
  }
  const Fields histogram(fields.at("histogram"), where + ".histogram");
  input.histogram.top = histogram.number("top", 0, kLargest);
  input.histogram.shares = histogram.numbers("shares", 0, 1);
  if (fields.has("coactivation"))
    input.coactivation = coactivation_from({fields.at("coactivation"), where + ".coactivation"});
  return input;
}

LinearAllocation allocation_from(const Json& json, const std::string& where, std::size_t n_targets) {
  const Fields fields(json, where);
  LinearAllocation linear;
  linear.layer = static_cast<int>(fields.integer("layer", 0, kMaxLayers));
  linear.component = fields.text("component");
  linear.weights = fields.integer("weights", 1, kMaxCount);
  for (const auto& target : fields.array("targets")) {
    const Fields t(target, where + ".targets");
    linear.targets.push_back({t.number("target", 0, 1), t.number("sparsity", 0, 1), t.number("threshold", 0, kLargest),
                              t.number("block_sparsity", 0, 1), t.number("block_error", 0, kLargest),
                              t.number("uniform_error", 0, kLargest)});
  }
  if (linear.targets.size() != n_targets) {
    throw Error(ErrorCode::corrupt_file,
                fmt::format("{}.targets: expected {} entries, got {}", where, n_targets, linear.targets.size()));
  }
  return linear;
}

void require_once(std::set<std::pair<int, std::string>>& seen, int layer, const std::string& component) {
  if (seen.emplace(layer, component).second) return;
  throw Error(ErrorCode::corrupt_file, fmt::format("layer {} {} occurs twice", layer, component));
}

ActivationProfile profile_from(const Json& json) {
  const Fields fields(json, "profile");
  if (fields.text("format") != kFormat || fields.integer("version", 1, kMaxCount) != kVersion) {
    throw Error(ErrorCode::unsupported_format,
                fmt::format("expected format \"{}\", version {}, got \"{}\", version {}", kFormat, kVersion,
                            fields.text("format"), fields.integer("version", 1, kMaxCount)));
  }
  ActivationProfile profile;
  profile.model = fields.text("model");
  const Fields calibration(fields.at("calibration"), "calibration");
  profile.calibration = calibration.text("file");
  profile.calibration_digest = calibration.text("digest");
  profile.samples = calibration.integer("samples", 1, kMaxCount);
  profile.seqlen = calibration.integer("seqlen", 1, kMaxCount);
  profile.seed = static_cast<std::uint64_t>(calibration.integer("seed", 0, kMaxCount));
  profile.targets = fields.numbers("targets", 0, 1);
  std::set<std::pair<int, std::string>> seen;
  for (const auto& input : fields.array("inputs")) {
    const auto where = fmt::format("inputs[{}]", profile.inputs.size());
    profile.inputs.push_back(input_from(input, where, profile.targets.size()));
    for (const auto& component : profile.inputs.back().components)
      require_once(seen, profile.inputs.back().layer, component);
  }
  seen.clear();
  for (const auto& linear : fields.array("allocations")) {
    const auto where = fmt::format("allocations[{}]", profile.allocations.size());
    profile.allocations.push_back(allocation_from(linear, where, profile.targets.size()));
    require_once(seen, profile.allocations.back().layer, profile.allocations.back().component);
  }
  return profile;
}

}  // namespace

std::string activation_profile_json(const ActivationProfile& profile) {
  Json inputs = Json::array();
  for (const auto& input : profile.inputs) inputs.push_back(to_json(input));
  Json allocations = Json::array();
  for (const auto& linear : profile.allocations) allocations.push_back(to_json(linear));
  const Json json = {{"format", kFormat},
                     {"version", kVersion},
                     {"model", profile.model},
                     {"calibration",
                      {{"file", profile.calibration},
                       {"digest", profile.calibration_digest},
                       {"samples", profile.samples},
                       {"seqlen", profile.seqlen},
                       {"seed", profile.seed}}},
                     {"targets", profile.targets},
                     {"inputs", inputs},
                     {"allocations", allocations}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

void write_activation_profile(const fs::path& file, const ActivationProfile& profile) {
  write_file_atomic(file, activation_profile_json(profile));
}

ActivationProfile read_activation_profile(const fs::path& file) {
  return parse_activation_profile(file.string(), read_file(file, kMaxProfileBytes));
}

ActivationProfile parse_activation_profile(const std::string& name, const std::string& json) {
  return read_json_document(name, json, profile_from);
}

}  // namespace lacuna
