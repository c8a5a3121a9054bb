// How the inputs of a linear are distributed: one pass over them, in memory that does not grow.
//
// A bin is a value's sign, exponent and first nine mantissa bits, so bins are 0.2 % wide wherever they lie, no range
// has to be known beforehand, and a quantile lies in the right bin whatever came first.
//
//   ActivationHistogram histogram;
//   for (…) histogram.add(x);                                   // tokens×features
//   const ActivationDistribution all = histogram.distribution();  // distribution.hpp
//
// Memory   2 MB per object, 2 MB per thread while adding.
// Cost     one read of x; about a nanosecond per value and thread.
// Exact    counts are integers: the same for every order, chunking and thread count.
// Threads  parallel inside; one caller at a time per object.
// Errors   Error{not_finite}: x holds NaN or infinity; the object keeps what it held before.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/core/tensor.hpp"

namespace lacuna {

class ActivationDistribution;

class ActivationHistogram {
 public:
  static constexpr int kMantissaBits = 9;
  static constexpr std::size_t kBinsPerSign = std::size_t{255} << kMantissaBits;  // finite magnitudes

  ActivationHistogram();

  void add(MatrixView<const float> x);
  void merge(const ActivationHistogram& other);

  std::uint64_t count() const { return count_; }
  std::uint64_t zeros() const { return zeros_; }  // exact zeros, of either sign; in no bin
  float lowest() const;                           // 0 when nothing was added
  float highest() const;

  // Bin b of a sign holds magnitudes in [edge(b), edge(b + 1)).
  const std::vector<std::uint64_t>& negative() const { return negative_; }
  const std::vector<std::uint64_t>& positive() const { return positive_; }
  static double edge(std::size_t bin);

  ActivationDistribution distribution() const;

 private:
  std::vector<std::uint64_t> negative_;
  std::vector<std::uint64_t> positive_;
  std::uint64_t count_ = 0;
  std::uint64_t zeros_ = 0;
  std::uint32_t largest_negative_ = 0;  // magnitude bits; 0: none
  std::uint32_t largest_positive_ = 0;
  std::uint32_t smallest_negative_ = 0x7f800000;
  std::uint32_t smallest_positive_ = 0x7f800000;
};

}  // namespace lacuna
