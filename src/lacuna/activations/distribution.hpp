// What a finished ActivationHistogram says: quantiles, thresholds for a target sparsity, energy kept.
//
//   magnitude_quantile(q)   the q-quantile of |x| (position q·(n − 1), as numpy's default)
//   share_up_to(t)          share of entries with |x| ≤ t: the sparsity that threshold t gives
//   energy_kept(t)          Σ_{|x|>t} x² / Σ x²; 1 when all are zero
//   teal_threshold(s)       icdf(0.5 + s/2) of TEAL's histogram of the signed values: the first and the last of 10,000
//                           bins hold the outer 1 % on each side, the others divide what lies between; counts are
//                           taken to sit at bin centres. It assumes that x is symmetric about zero: where x is not
//                           (behind a ReLU, above all), it misses the target and magnitude_quantile does not.
//
// Accuracy  within a bin values are taken as uniform: a quantile is within 0.2 % of the exact one, energies within
//           0.4 % (in practice a hundredth of that). Exact zeros are counted apart: a quantile among them is 0.
// Cost      lookups O(log bins); teal_threshold O(10,000 · log bins).
// Threads   safe: immutable.
// Source    TEAL, arXiv:2408.14690, section 4; FasterDecoding/TEAL 5baaec86, utils/utils.py (rule of the bins).
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/activations/histogram.hpp"

namespace lacuna {

// Counts of |x| in equal bins over [0, top]; the last one also holds what lies above.
struct MagnitudeBins {
  double top = 0.0;
  std::vector<double> shares;  // add up to 1
};

class ActivationDistribution {
 public:
  explicit ActivationDistribution(const ActivationHistogram& histogram);

  std::uint64_t count() const { return count_; }
  double zero_share() const;
  double magnitude_quantile(double q) const;
  double share_up_to(double threshold) const;
  double energy_kept(double threshold) const;
  double teal_threshold(double sparsity) const;
  double largest_magnitude() const;
  MagnitudeBins magnitude_bins(int bins) const;  // top: the 0.999-quantile

 private:
  using Cumulative = std::vector<double>;  // [b]: entries below edge(b); size kBinsPerSign + 1

  static double below(const Cumulative& cumulative, double magnitude);
  double signed_below(double value) const;  // entries x < value
  double signed_quantile(double q) const;

  Cumulative negative_;
  Cumulative positive_;
  Cumulative magnitudes_;
  Cumulative energy_;  // Σ x² below edge(b)
  std::uint64_t count_ = 0;
  double zeros_ = 0.0;
  double lowest_ = 0.0;
  double highest_ = 0.0;
};

}  // namespace lacuna
