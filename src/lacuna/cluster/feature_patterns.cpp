#include "lacuna/cluster/feature_patterns.hpp"

#include <fmt/format.h>

#include <numeric>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/hamming/hamming.hpp"

namespace lacuna {

FeaturePatterns::FeaturePatterns(BitMatrix features) : bits_(std::move(features)) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 30;
  if (bits_.rows() >= kLimit || bits_.cols() >= kLimit) {
    throw Error(
        ErrorCode::limit_exceeded,
        fmt::format("patterns: expected fewer than 2^30 features and rows, got {} and {}", bits_.rows(), bits_.cols()));
  }
  ones_ = bits_.row_counts();
  panel_words_ = kernels::kPanelRows * bits_.row_words();
  const std::int64_t panels = kernels::panel_count(bits_.rows());
  panels_ = AlignedBuffer<std::uint64_t>(static_cast<std::size_t>(panels * panel_words_));
  parallel_for(panels, 16, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t first = begin * kernels::kPanelRows;
    const std::int64_t last = std::min(end * kernels::kPanelRows, bits_.rows());
    kernels::interleave_rows(bits_.row(first), last - first, bits_.row_words(), bits_.row_words(),
                             panels_.data() + begin * panel_words_);
  });
}

FeaturePatterns FeaturePatterns::columns(const TensorView& weights) {
  return FeaturePatterns(BitMatrix::nonzero(weights).transposed());
}

double FeaturePatterns::density() const {
  if (bits_.numel() == 0) return 0.0;
  const auto total = std::accumulate(ones_.begin(), ones_.end(), std::uint64_t{0});
  return static_cast<double>(total) / static_cast<double>(bits_.numel());
}

void require_feature(const FeaturePatterns& patterns, std::int64_t feature) {
  if (feature >= 0 && feature < patterns.count()) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("feature: expected 0 to {}, got {}", patterns.count() - 1, feature));
}

}  // namespace lacuna
