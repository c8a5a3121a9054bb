// RoPE fields of config.json in their spellings: rope_theta and rope_scaling {"type" | "rope_type", …}, and since
// transformers 5 rope_parameters {"rope_theta", "rope_type", …}.
#include <fmt/format.h>

#include <cmath>

#include "lacuna/model/families/family.hpp"

namespace lacuna {
namespace {

constexpr double kMaxTheta = 1e15;
constexpr double kMaxFactor = 1e6;

RopeScaling read_kind(const ConfigReader& scaling) {
  const auto name = scaling.has("rope_type") ? scaling.string("rope_type") : scaling.string("type");
  const std::string kind = name.value_or("default");
  if (kind == "default") return RopeScaling::none;
  if (kind == "linear") return RopeScaling::linear;
  if (kind == "dynamic") return RopeScaling::dynamic;
  if (kind == "llama3") return RopeScaling::llama3;
  if (kind == "yarn") return RopeScaling::yarn;
  if (kind == "longrope" || kind == "su") return RopeScaling::longrope;
  throw scaling.error("rope_type", "default, linear, dynamic, llama3, yarn or longrope", kind.substr(0, 60));
}

double yarn_magnitude(double factor, double scale) {
  return factor <= 1.0 ? 1.0 : 0.1 * scale * std::log(factor) + 1.0;
}

void read_yarn(const ConfigReader& scaling, RopeConfig& rope) {
  rope.beta_fast = scaling.number("beta_fast", 1e-6, kMaxFactor).value_or(32.0);
  rope.beta_slow = scaling.number("beta_slow", 1e-6, kMaxFactor).value_or(1.0);
  rope.truncate = scaling.boolean("truncate").value_or(true);
  const double scale = scaling.number("mscale", 0.0, kMaxFactor).value_or(0.0);
  const double scale_all = scaling.number("mscale_all_dim", 0.0, kMaxFactor).value_or(0.0);
  const double fallback = scale > 0.0 && scale_all > 0.0
                              ? yarn_magnitude(rope.factor, scale) / yarn_magnitude(rope.factor, scale_all)
                              : yarn_magnitude(rope.factor, 1.0);
  rope.attention_factor = scaling.number("attention_factor", 0.0, kMaxFactor).value_or(fallback);
}

void read_longrope(const ConfigReader& scaling, std::int64_t head_dim, RopeConfig& rope) {
  const auto count = static_cast<std::size_t>(head_dim / 2);
  rope.short_factors = scaling.numbers("short_factor", count, 1e-6, kMaxFactor);
  rope.long_factors = scaling.numbers("long_factor", count, 1e-6, kMaxFactor);
  const double fallback =
      rope.factor <= 1.0 || rope.trained_length < 2
          ? 1.0
          : std::sqrt(1.0 + std::log(rope.factor) / std::log(static_cast<double>(rope.trained_length)));
  rope.attention_factor = scaling.number("attention_factor", 0.0, kMaxFactor).value_or(fallback);
}

void read_llama3(const ConfigReader& scaling, RopeConfig& rope) {
  rope.low_frequency_factor = scaling.required_number("low_freq_factor", 1e-6, kMaxFactor);
  rope.high_frequency_factor = scaling.required_number("high_freq_factor", 1e-6, kMaxFactor);
  if (!(rope.high_frequency_factor > rope.low_frequency_factor)) {
    throw scaling.error("high_freq_factor", fmt::format("more than low_freq_factor = {}", rope.low_frequency_factor),
                        fmt::format("{}", rope.high_frequency_factor));
  }
}

// The factor is required but where it follows from the trained and the extended length.
double read_factor(const ConfigReader& scaling, const RopeConfig& rope, std::int64_t max_positions) {
  const bool derivable = rope.scaling == RopeScaling::longrope || rope.scaling == RopeScaling::yarn;
  if (!derivable || scaling.has("factor")) return scaling.required_number("factor", 1e-6, kMaxFactor);
  return static_cast<double>(max_positions) / static_cast<double>(rope.trained_length);
}

}  // namespace

RopeConfig read_rope(const ConfigReader& json, const DecoderConfig& config, double default_theta) {
  RopeConfig rope;
  rope.theta = json.number("rope_theta", 1.0 + 1e-6, kMaxTheta).value_or(default_theta);
  rope.trained_length = config.max_positions;
  if (json.number("partial_rotary_factor", 0.0, 1.0).value_or(1.0) != 1.0) {
    throw json.error("partial_rotary_factor", "1 (all components of a head are rotated)", "less");
  }
  auto scaling = json.object("rope_parameters");
  if (!scaling) scaling = json.object("rope_scaling");
  if (!scaling) return rope;

  rope.theta = scaling->number("rope_theta", 1.0 + 1e-6, kMaxTheta).value_or(rope.theta);
  rope.scaling = read_kind(*scaling);
  if (rope.scaling == RopeScaling::none) return rope;
  if (rope.scaling != RopeScaling::dynamic) {
    const auto trained = scaling->integer("original_max_position_embeddings", 1, kMaxPositions);
    const auto trained_outside = json.integer("original_max_position_embeddings", 1, kMaxPositions);
    rope.trained_length = trained.value_or(trained_outside.value_or(config.max_positions));
  }
  rope.factor = read_factor(*scaling, rope, config.max_positions);
  if (rope.scaling == RopeScaling::dynamic && config.head_dim < 4) {
    throw json.error("head_dim", "at least 4 with dynamic rope_scaling", std::to_string(config.head_dim));
  }
  if (rope.scaling == RopeScaling::llama3) read_llama3(*scaling, rope);
  if (rope.scaling == RopeScaling::yarn) read_yarn(*scaling, rope);
  if (rope.scaling == RopeScaling::longrope) read_longrope(*scaling, config.head_dim, rope);
  return rope;
}

}  // namespace lacuna
