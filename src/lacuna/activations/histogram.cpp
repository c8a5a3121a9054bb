#include "lacuna/activations/histogram.hpp"

#include <algorithm>
#include <bit>
#include <mutex>

#include "lacuna/activations/distribution.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

constexpr std::uint32_t kSign = 0x80000000U;
constexpr std::uint32_t kInfinity = 0x7f800000U;
constexpr int kShift = 23 - ActivationHistogram::kMantissaBits;
constexpr std::int64_t kGrain = 1 << 16;  // values per thread below which threads cost more than they save
constexpr std::size_t kSignBins = std::size_t{1} << (31 - kShift);

// Counts of a thread: bins of both signs, side by side. Bins of infinity and NaN exist, so that finding them is free.
struct ThreadCounts {
  std::vector<std::uint32_t> bins = std::vector<std::uint32_t>(2 * kSignBins);
  std::uint64_t zeros = 0;
  std::uint32_t largest[2] = {0, 0};
  std::uint32_t smallest[2] = {kInfinity, kInfinity};

  void add(const float* values, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
      const auto bits = std::bit_cast<std::uint32_t>(values[i]);
      const std::uint32_t magnitude = bits & ~kSign;
      if (magnitude == 0) {
        ++zeros;
        continue;
      }
      const std::uint32_t sign = bits >> 31U;
      ++bins[sign * kSignBins + (magnitude >> kShift)];
      largest[sign] = std::max(largest[sign], magnitude);
      smallest[sign] = std::min(smallest[sign], magnitude);
    }
  }
  bool finite() const { return std::max(largest[0], largest[1]) < kInfinity; }
};

}  // namespace

ActivationHistogram::ActivationHistogram() : negative_(kBinsPerSign), positive_(kBinsPerSign) {}

double ActivationHistogram::edge(std::size_t bin) {
  if (bin >= kBinsPerSign) return 0x1p128;  // where infinity begins
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bin) << kShift));
}

float ActivationHistogram::lowest() const {
  if (largest_negative_ != 0) return -std::bit_cast<float>(largest_negative_);
  if (zeros_ != 0 || count_ == 0) return 0.0F;
  return std::bit_cast<float>(smallest_positive_);
}

float ActivationHistogram::highest() const {
  if (largest_positive_ != 0) return std::bit_cast<float>(largest_positive_);
  if (zeros_ != 0 || count_ == 0) return 0.0F;
  return -std::bit_cast<float>(smallest_negative_);
}

void ActivationHistogram::add(MatrixView<const float> x) {
  // u32 counts of a thread cannot wrap below 2^32 values: larger matrices come in pieces.
  const std::int64_t piece = std::max<std::int64_t>(1, (std::int64_t{1} << 31) / std::max<std::int64_t>(x.cols, 1));
  if (x.rows > piece) {
    for (std::int64_t r = 0; r < x.rows; r += piece) add(x.block(r, std::min(piece, x.rows - r), 0, x.cols));
    return;
  }
  std::mutex mutex;
  ActivationHistogram added;
  bool finite = true;
  parallel_for(x.rows, kGrain / std::max<std::int64_t>(x.cols, 1) + 1, [&](std::int64_t begin, std::int64_t end) {
    ThreadCounts counts;
    for (auto r = begin; r < end; ++r) counts.add(x.row(r), x.cols);
    const std::scoped_lock lock(mutex);
    finite = finite && counts.finite();
    added.zeros_ += counts.zeros;
    for (std::size_t b = 0; b < kBinsPerSign; ++b) {
      added.positive_[b] += counts.bins[b];
      added.negative_[b] += counts.bins[kSignBins + b];
    }
    added.largest_positive_ = std::max(added.largest_positive_, counts.largest[0]);
    added.largest_negative_ = std::max(added.largest_negative_, counts.largest[1]);
    added.smallest_positive_ = std::min(added.smallest_positive_, counts.smallest[0]);
    added.smallest_negative_ = std::min(added.smallest_negative_, counts.smallest[1]);
  });
  if (!finite) throw Error(ErrorCode::not_finite, "activations: expected finite values, found NaN or infinity");
  added.count_ = static_cast<std::uint64_t>(x.numel());
  merge(added);
}

void ActivationHistogram::merge(const ActivationHistogram& other) {
  for (std::size_t b = 0; b < kBinsPerSign; ++b) {
    positive_[b] += other.positive_[b];
    negative_[b] += other.negative_[b];
  }
  count_ += other.count_;
  zeros_ += other.zeros_;
  largest_positive_ = std::max(largest_positive_, other.largest_positive_);
  largest_negative_ = std::max(largest_negative_, other.largest_negative_);
  smallest_positive_ = std::min(smallest_positive_, other.smallest_positive_);
  smallest_negative_ = std::min(smallest_negative_, other.smallest_negative_);
}

ActivationDistribution ActivationHistogram::distribution() const { return ActivationDistribution(*this); }

}  // namespace lacuna
