#include "lacuna/activations/distribution.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace lacuna {
namespace {

constexpr int kTealBins = 10000;
constexpr double kTealOutliers = 0.01;  // share on either side left to the outermost bins

std::size_t bin_of(double magnitude) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(magnitude));
  std::size_t bin =
      std::min<std::size_t>(bits >> (23 - ActivationHistogram::kMantissaBits), ActivationHistogram::kBinsPerSign - 1);
  if (bin > 0 && ActivationHistogram::edge(bin) > magnitude) --bin;  // rounding to float crossed the edge
  return bin;
}

// Where inside the bins the cumulative count reaches `target`.
double value_at(const std::vector<double>& cumulative, double target) {
  const auto above = std::upper_bound(cumulative.begin(), cumulative.end(), target);
  if (above == cumulative.begin()) return 0.0;
  if (above == cumulative.end()) {  // the end of the last bin that holds anything
    const auto last = std::lower_bound(cumulative.begin(), cumulative.end(), cumulative.back());
    return ActivationHistogram::edge(static_cast<std::size_t>(last - cumulative.begin()));
  }
  const auto bin = static_cast<std::size_t>(above - cumulative.begin()) - 1;
  const double inside = (target - cumulative[bin]) / (cumulative[bin + 1] - cumulative[bin]);
  const double low = ActivationHistogram::edge(bin);
  return low + inside * (ActivationHistogram::edge(bin + 1) - low);
}

}  // namespace

ActivationDistribution::ActivationDistribution(const ActivationHistogram& histogram)
    : negative_(ActivationHistogram::kBinsPerSign + 1),
      positive_(negative_.size()),
      magnitudes_(negative_.size()),
      energy_(negative_.size()),
      count_(histogram.count()),
      zeros_(static_cast<double>(histogram.zeros())),
      lowest_(static_cast<double>(histogram.lowest())),
      highest_(static_cast<double>(histogram.highest())) {
  for (std::size_t b = 0; b < ActivationHistogram::kBinsPerSign; ++b) {
    const auto negative = static_cast<double>(histogram.negative()[b]);
    const auto positive = static_cast<double>(histogram.positive()[b]);
    negative_[b + 1] = negative_[b] + negative;
    positive_[b + 1] = positive_[b] + positive;
    magnitudes_[b + 1] = magnitudes_[b] + negative + positive;
    const double low = ActivationHistogram::edge(b);
    const double high = ActivationHistogram::edge(b + 1);
    const double mean_square = (low * low + low * high + high * high) / 3.0;  // of a uniform bin
    energy_[b + 1] = energy_[b] + (negative + positive) * mean_square;
  }
}

double ActivationDistribution::zero_share() const { return count_ == 0 ? 0.0 : zeros_ / static_cast<double>(count_); }

double ActivationDistribution::largest_magnitude() const { return std::max(std::abs(lowest_), std::abs(highest_)); }

double ActivationDistribution::below(const Cumulative& cumulative, double magnitude) {
  if (magnitude <= 0.0) return 0.0;
  const std::size_t bin = bin_of(magnitude);
  const double low = ActivationHistogram::edge(bin);
  const double inside = std::min(1.0, (magnitude - low) / (ActivationHistogram::edge(bin + 1) - low));
  return cumulative[bin] + inside * (cumulative[bin + 1] - cumulative[bin]);
}

double ActivationDistribution::magnitude_quantile(double q) const {
  if (count_ == 0) return 0.0;
  const double position = std::clamp(q, 0.0, 1.0) * static_cast<double>(count_ - 1);
  if (position <= zeros_ - 1.0) return 0.0;
  // Half an entry on: entry i of a bin of n is taken to lie at (i + ½)/n of it.
  return std::min(value_at(magnitudes_, std::max(0.0, position - zeros_ + 0.5)), largest_magnitude());
}

double ActivationDistribution::share_up_to(double threshold) const {
  if (count_ == 0 || threshold < 0.0) return 0.0;
  if (threshold >= largest_magnitude()) return 1.0;
  return (zeros_ + below(magnitudes_, threshold)) / static_cast<double>(count_);
}

double ActivationDistribution::energy_kept(double threshold) const {
  if (energy_.back() == 0.0) return 1.0;
  if (threshold >= largest_magnitude()) return 0.0;
  return 1.0 - below(energy_, threshold) / energy_.back();
}

double ActivationDistribution::signed_below(double value) const {
  if (value > highest_) return static_cast<double>(count_);
  if (value <= lowest_) return 0.0;
  if (value > 0.0) return negative_.back() + zeros_ + below(positive_, value);
  return negative_.back() - below(negative_, -value);
}

double ActivationDistribution::signed_quantile(double q) const {
  const double position = q * static_cast<double>(count_);
  if (position < negative_.back()) return std::max(lowest_, -value_at(negative_, negative_.back() - position));
  if (position < negative_.back() + zeros_) return 0.0;
  return std::min(highest_, value_at(positive_, position - negative_.back() - zeros_));
}

double ActivationDistribution::teal_threshold(double sparsity) const {
  if (count_ == 0) return 0.0;
  const double lower = signed_quantile(kTealOutliers);
  const double upper = signed_quantile(1.0 - kTealOutliers);
  const auto edge = [&](int i) {  // of kTealBins + 1
    if (i == 0) return lowest_;
    if (i == kTealBins) return highest_;
    return lower + (upper - lower) * (i - 1) / (kTealBins - 2);
  };
  const auto centre = [&](int bin) { return 0.5 * (edge(bin) + edge(bin + 1)); };
  const auto up_to = [&](int bin) {  // entries in bins 0 … bin; the last bin includes its upper edge
    return bin + 1 == kTealBins ? static_cast<double>(count_) : signed_below(edge(bin + 1));
  };
  const double target = (0.5 + sparsity / 2.0) * static_cast<double>(count_);
  int first = 0;  // the first bin whose cumulative count reaches the target
  for (int low = 0, high = kTealBins - 1; low <= high;) {
    const int middle = (low + high) / 2;
    up_to(middle) >= target ? high = (first = middle) - 1 : low = middle + 1;
  }
  if (first == 0) return centre(0);
  const double before = up_to(first - 1);
  const double fraction = (target - before) / (up_to(first) - before);
  return centre(first - 1) + fraction * (centre(first) - centre(first - 1));
}

MagnitudeBins ActivationDistribution::magnitude_bins(int bins) const {
  MagnitudeBins result;
  result.top = magnitude_quantile(0.999);
  result.shares.assign(static_cast<std::size_t>(bins), 0.0);
  if (count_ == 0) return result;
  double before = 0.0;
  for (int i = 0; i < bins; ++i) {
    const bool last = i + 1 == bins || result.top == 0.0;
    const double up_to = last ? 1.0 : share_up_to(result.top * (i + 1) / bins);
    result.shares[static_cast<std::size_t>(result.top == 0.0 ? 0 : i)] = up_to - before;
    before = up_to;
    if (result.top == 0.0) break;
  }
  return result;
}

}  // namespace lacuna
