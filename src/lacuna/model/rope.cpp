#include "lacuna/model/rope.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

constexpr double kTwoPi = 2.0 * std::numbers::pi;

bool depends_on_length(const RopeConfig& config) {
  return config.scaling == RopeScaling::dynamic || config.scaling == RopeScaling::longrope;
}

std::vector<float> plain_frequencies(double theta, std::int64_t head_dim) {
  std::vector<float> frequencies(static_cast<std::size_t>(head_dim / 2));
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_dim);
    frequencies[i] = 1.0F / static_cast<float>(std::pow(theta, static_cast<double>(exponent)));
  }
  return frequencies;
}

double dynamic_theta(const RopeConfig& config, std::int64_t head_dim, std::int64_t length) {
  const double ratio =
      static_cast<double>(std::max(length, config.trained_length)) / static_cast<double>(config.trained_length);
  const auto d = static_cast<double>(head_dim);
  return config.theta * std::pow(config.factor * ratio - (config.factor - 1.0), d / (d - 2.0));
}

void scale_llama3(const RopeConfig& config, std::vector<float>& frequencies) {
  const auto trained = static_cast<double>(config.trained_length);
  const double longest_kept = trained / config.high_frequency_factor;
  const double shortest_scaled = trained / config.low_frequency_factor;
  for (auto& frequency : frequencies) {
    const double wavelength = kTwoPi / static_cast<double>(frequency);
    if (wavelength < longest_kept) continue;
    if (wavelength > shortest_scaled) {
      frequency = static_cast<float>(static_cast<double>(frequency) / config.factor);
      continue;
    }
    const double smooth = (trained / wavelength - config.low_frequency_factor) /
                          (config.high_frequency_factor - config.low_frequency_factor);
    frequency = static_cast<float>((1.0 - smooth) * static_cast<double>(frequency) / config.factor +
                                   smooth * static_cast<double>(frequency));
  }
}

// The index whose frequency turns `rotations` times within the trained length.
double correction_index(const RopeConfig& config, std::int64_t head_dim, double rotations) {
  return static_cast<double>(head_dim) * std::log(static_cast<double>(config.trained_length) / (rotations * kTwoPi)) /
         (2.0 * std::log(config.theta));
}

void scale_yarn(const RopeConfig& config, std::int64_t head_dim, std::vector<float>& frequencies) {
  double low = correction_index(config, head_dim, config.beta_fast);
  double high = correction_index(config, head_dim, config.beta_slow);
  if (config.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(head_dim - 1));
  if (low == high) high += 0.001;  // as the reference: no division by zero
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    const auto kept = static_cast<double>(frequencies[i]);
    frequencies[i] = static_cast<float>(kept / config.factor * ramp + kept * (1.0 - ramp));
  }
}

}  // namespace

std::vector<float> rope_frequencies(const RopeConfig& config, std::int64_t head_dim, std::int64_t length) {
  if (config.scaling == RopeScaling::dynamic) {
    return plain_frequencies(dynamic_theta(config, head_dim, length), head_dim);
  }
  auto frequencies = plain_frequencies(config.theta, head_dim);
  switch (config.scaling) {
    case RopeScaling::none:
    case RopeScaling::dynamic: break;
    case RopeScaling::linear:
      for (auto& frequency : frequencies) frequency /= static_cast<float>(config.factor);
      break;
    case RopeScaling::llama3: scale_llama3(config, frequencies); break;
    case RopeScaling::yarn: scale_yarn(config, head_dim, frequencies); break;
    case RopeScaling::longrope: {
      const auto& factors = length > config.trained_length ? config.long_factors : config.short_factors;
      for (std::size_t i = 0; i < frequencies.size(); ++i) {
        frequencies[i] = static_cast<float>(static_cast<double>(frequencies[i]) / factors[i]);
      }
      break;
    }
  }
  return frequencies;
}

kernels::RopeTable RopeTables::for_length(std::int64_t length) {
  if (length > length_ || (depends_on_length(config_) && length != length_)) {
    const auto frequencies = rope_frequencies(config_, head_dim_, length);
    const auto half = static_cast<std::int64_t>(frequencies.size());
    cosines_ = Matrix<float>(length, half);
    sines_ = Matrix<float>(length, half);
    length_ = length;
    parallel_for(length, 64, [&](std::int64_t begin, std::int64_t end) {
      for (auto position = begin; position < end; ++position) {
        for (std::int64_t i = 0; i < half; ++i) {
          const float angle = static_cast<float>(position) * frequencies[static_cast<std::size_t>(i)];
          cosines_(position, i) = static_cast<float>(std::cos(static_cast<double>(angle)) * config_.attention_factor);
          sines_(position, i) = static_cast<float>(std::sin(static_cast<double>(angle)) * config_.attention_factor);
        }
      }
    });
  }
  return {cosines_.view(), sines_.view()};
}

}  // namespace lacuna
