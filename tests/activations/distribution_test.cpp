#include "lacuna/activations/distribution.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

// A bin is 2^-9 of its lower edge wide.
constexpr double kBin = 0x1p-9;

std::vector<float> normal_values(std::size_t n, double mean, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> values(n);
  for (auto& value : values) value = static_cast<float>(mean + random.normal());
  return values;
}

ActivationDistribution distribution_of(const std::vector<float>& values) {
  ActivationHistogram histogram;
  histogram.add({values.data(), 1, static_cast<std::int64_t>(values.size())});
  return histogram.distribution();
}

double exact_quantile(std::vector<float> values, double q) {  // linear between order statistics
  for (auto& value : values) value = std::abs(value);
  std::sort(values.begin(), values.end());
  const double position = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const double next = static_cast<double>(values[std::min(below + 1, values.size() - 1)]);
  return static_cast<double>(values[below]) +
         (position - static_cast<double>(below)) * (next - static_cast<double>(values[below]));
}

// TEAL's rule as its authors' script computes it, on all values at once: bounds at the outer 1 %, 9,999 edges between
// them and one beyond each, counts at bin centres, linear between the cumulative counts.
double teal_by_sorting(std::vector<float> values, double sparsity) {
  std::sort(values.begin(), values.end());
  const auto n = values.size();
  const auto outer = static_cast<std::size_t>(0.01 * static_cast<double>(n));
  const double lower = static_cast<double>(values[outer]);
  const double upper = static_cast<double>(values[n - outer]);
  std::vector<double> edges = {static_cast<double>(values.front())};
  for (int i = 0; i < 9999; ++i) edges.push_back(lower + (upper - lower) * i / 9998);
  edges.push_back(static_cast<double>(values.back()));
  const double target = (0.5 + sparsity / 2) * static_cast<double>(n);
  double before = 0;
  for (std::size_t bin = 0; bin + 1 < edges.size(); ++bin) {
    const auto end = bin + 2 == edges.size()
                         ? values.end()
                         : std::lower_bound(values.begin(), values.end(), static_cast<float>(edges[bin + 1]));
    const auto count = static_cast<double>(end - values.begin());
    if (count >= target) {
      const double left = 0.5 * (edges[bin - 1] + edges[bin]);
      const double right = 0.5 * (edges[bin] + edges[bin + 1]);
      return left + (target - before) / (count - before) * (right - left);
    }
    before = count;
  }
  return values.back();
}

TEST(ActivationDistribution, QuantilesLieInTheRightBin) {
  const auto values = normal_values(100001, 0.3, 1);
  const auto distribution = distribution_of(values);
  for (const double q : {0.001, 0.25, 0.4, 0.5, 0.9, 0.99, 1.0}) {
    const double exact = exact_quantile(values, q);
    EXPECT_NEAR(distribution.magnitude_quantile(q), exact, kBin * exact) << q;
  }
}

TEST(ActivationDistribution, ExactZerosAreQuantilesOfZero) {
  std::vector<float> values(90, 0.0F);
  values[3] = -0.0F;
  for (int i = 0; i < 10; ++i) values.push_back(2.0F);
  const auto distribution = distribution_of(values);
  EXPECT_DOUBLE_EQ(distribution.zero_share(), 0.9);
  EXPECT_EQ(distribution.magnitude_quantile(0.5), 0.0);
  EXPECT_EQ(distribution.magnitude_quantile(89.0 / 99.0), 0.0);  // entry 89 of 0…99, the last zero
  EXPECT_NEAR(distribution.magnitude_quantile(0.95), 2.0, 2.0 * kBin);
  EXPECT_EQ(distribution.share_up_to(0.0), 0.9);
  EXPECT_EQ(distribution.share_up_to(2.0), 1.0);
  EXPECT_EQ(distribution.energy_kept(0.0), 1.0);
  EXPECT_EQ(distribution.energy_kept(2.0), 0.0);
}

TEST(ActivationDistribution, EnergyKeptIsThatOfTheValuesAboveTheThreshold) {
  const auto values = normal_values(50000, 0.0, 2);
  const auto distribution = distribution_of(values);
  for (const double threshold : {0.1, 0.7, 2.0}) {
    double kept = 0;
    double all = 0;
    for (const float v : values) {
      const double square = static_cast<double>(v) * static_cast<double>(v);
      all += square;
      if (std::abs(static_cast<double>(v)) > threshold) kept += square;
    }
    // A value is misplaced by at most a bin, and so at most its square's share of 2·2^-9 is.
    EXPECT_NEAR(distribution.energy_kept(threshold), kept / all, 2 * kBin) << threshold;
  }
}

TEST(ActivationDistribution, TealThresholdEqualsTheRuleOnSortedValues) {
  for (const double mean : {0.0, 0.2}) {
    const auto values = normal_values(200000, mean, 3);
    const auto distribution = distribution_of(values);
    for (const double sparsity : {0.25, 0.5, 0.9}) {
      const double exact = teal_by_sorting(values, sparsity);
      // One bin of the fine histogram, and one of TEAL's (the range of ±2.4 in 9,998 parts).
      EXPECT_NEAR(distribution.teal_threshold(sparsity), exact, kBin * exact + 4.8 / 9998) << mean << " " << sparsity;
    }
  }
}

TEST(ActivationDistribution, TealThresholdMissesTheTargetBehindARelu) {
  auto values = normal_values(100000, 0.0, 4);
  for (auto& v : values) v = std::max(v, 0.0F);
  const auto distribution = distribution_of(values);
  // icdf(0.5 + 0.25/2) of a half-normal with half its mass at 0 cuts at the 0.625-quantile, not the 0.25-quantile.
  EXPECT_NEAR(distribution.share_up_to(distribution.teal_threshold(0.25)), 0.625, 0.002);
  EXPECT_EQ(distribution.magnitude_quantile(0.25), 0.0);
}

TEST(ActivationDistribution, ChunksAndThreadsDoNotShow) {
  const auto values = normal_values(60000, 0.1, 5);
  const MatrixView<const float> all(values.data(), 300, 200);
  const int threads = thread_count();
  std::vector<ActivationHistogram> histograms;
  for (const int n : {1, 2, 7}) {
    set_thread_count(n);
    histograms.emplace_back();
    for (std::int64_t r = 0; r < 300; r += 60 * n)
      histograms.back().add(all.block(r, std::min<std::int64_t>(60 * n, 300 - r), 0, 200));
  }
  set_thread_count(threads);
  for (const auto& histogram : histograms) {
    EXPECT_EQ(histogram.count(), 60000U);
    EXPECT_EQ(histogram.positive(), histograms[0].positive());
    EXPECT_EQ(histogram.negative(), histograms[0].negative());
    EXPECT_EQ(histogram.lowest(), histograms[0].lowest());
    EXPECT_EQ(histogram.highest(), histograms[0].highest());
  }
}

TEST(ActivationDistribution, StridedRowsCountOnlyTheirColumns) {
  const std::vector<float> values = {1, 9, 2, 9, 0, 9};
  ActivationHistogram histogram;
  histogram.add({values.data(), 3, 1, 2});
  EXPECT_EQ(histogram.count(), 3U);
  EXPECT_EQ(histogram.zeros(), 1U);
  EXPECT_EQ(histogram.highest(), 2.0F);
}

TEST(ActivationDistribution, NanIsRefusedAndChangesNothing) {
  ActivationHistogram histogram;
  const float good = 1.0F;
  histogram.add({&good, 1, 1});
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    const float values[] = {2.0F, bad};
    try {
      histogram.add({values, 1, 2});
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::not_finite);
    }
  }
  EXPECT_EQ(histogram.count(), 1U);
  EXPECT_EQ(histogram.highest(), 1.0F);
}

TEST(ActivationDistribution, BinsAddUpToOne) {
  const auto bins = distribution_of(normal_values(10000, 0.0, 6)).magnitude_bins(64);
  double sum = 0;
  for (const double share : bins.shares) sum += share;
  EXPECT_NEAR(sum, 1.0, 1e-12);
  const auto zeros = distribution_of(std::vector<float>(10, 0.0F)).magnitude_bins(64);
  EXPECT_EQ(zeros.top, 0.0);
  EXPECT_EQ(zeros.shares[0], 1.0);
}

TEST(ActivationDistribution, NothingMeasuredIsNothingSaid) {
  const auto distribution = ActivationHistogram().distribution();
  EXPECT_EQ(distribution.count(), 0U);
  EXPECT_EQ(distribution.magnitude_quantile(0.5), 0.0);
  EXPECT_EQ(distribution.teal_threshold(0.5), 0.0);
}

}  // namespace
}  // namespace lacuna
