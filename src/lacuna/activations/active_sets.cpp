#include "lacuna/activations/active_sets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/bitcount/bitcount.hpp"

namespace lacuna {
namespace {

double jaccard(const BitMatrix& active, std::int64_t a, std::int64_t b) {
  const auto pair = kernels::count_pair(active.row(a), active.row(b), active.row_words());
  const auto either = pair.a + pair.b - pair.both;
  return either == 0 ? 0.0 : static_cast<double>(pair.both) / static_cast<double>(either);
}

// Mean Jaccard of tokens t and t + distance, over the t that `pairs` accepts.
double mean_jaccard(const BitMatrix& active, std::int64_t distance, const std::function<bool(std::int64_t)>& pairs) {
  double sum = 0.0;
  std::int64_t n = 0;
  for (std::int64_t t = 0; t + distance < active.rows(); ++t) {
    if (!pairs(t)) continue;
    sum += jaccard(active, t, t + distance);
    ++n;
  }
  return n == 0 ? 0.0 : sum / static_cast<double>(n);
}

}  // namespace

void set_active(MatrixView<const float> x, float threshold, std::int64_t first_row, BitMatrix& active) {
  if (x.cols != active.cols() || first_row < 0 || first_row + x.rows > active.rows()) {
    throw Error(ErrorCode::shape_mismatch,
                fmt::format("active sets: rows [{}, {}) × {} of a matrix of {} × {}", first_row, first_row + x.rows,
                            x.cols, active.rows(), active.cols()));
  }
  constexpr std::int64_t kRowsPerThread = 16;
  parallel_for(x.rows, kRowsPerThread, [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      const float* values = x.row(r);
      std::uint64_t* words = active.row(first_row + r);
      for (std::int64_t c = 0; c < x.cols; c += 64) {
        std::uint64_t word = 0;
        const std::int64_t n = std::min<std::int64_t>(64, x.cols - c);
        for (std::int64_t i = 0; i < n; ++i) {
          word |= static_cast<std::uint64_t>(std::abs(values[c + i]) > threshold) << static_cast<unsigned>(i);
        }
        words[c / 64] = word;
      }
    }
  });
}

FrequencyCurve activation_frequency(const BitMatrix& active) {
  FrequencyCurve curve;
  const auto counts = active.column_counts();
  const auto tokens = static_cast<double>(active.rows());
  const auto features = static_cast<double>(counts.size());
  if (counts.empty() || active.rows() == 0) return curve;
  for (const auto count : counts) {
    const double frequency = static_cast<double>(count) / tokens;
    curve.frequencies.push_back(frequency);
    curve.mean += frequency / features;
    if (count == 0) curve.never += 1.0 / features;
    if (count == active.rows()) curve.always += 1.0 / features;
  }
  std::sort(curve.frequencies.begin(), curve.frequencies.end(), std::greater<>());
  return curve;
}

double FrequencyCurve::hot_share(double activations) const {
  double total = 0.0;
  for (const double frequency : frequencies) total += frequency;
  if (total == 0.0) return 0.0;
  double sum = 0.0;
  std::size_t taken = 0;
  while (taken < frequencies.size() && sum < activations * total * (1.0 - 1e-12)) sum += frequencies[taken++];
  return static_cast<double>(taken) / static_cast<double>(frequencies.size());
}

ActiveOverlap active_overlap(const BitMatrix& active, std::int64_t length) {
  if (length < 1 || active.rows() % length != 0) {
    throw Error(ErrorCode::shape_mismatch,
                fmt::format("active sets: {} tokens are no whole number of prompts of {}", active.rows(), length));
  }
  ActiveOverlap overlap;
  overlap.neighbours = mean_jaccard(active, 1, [&](std::int64_t t) { return (t + 1) % length != 0; });
  overlap.prompts = mean_jaccard(active, length, [](std::int64_t) { return true; });
  double both = 0.0;
  double either = 0.0;
  for (const auto count : active.column_counts()) {
    const double p = static_cast<double>(count) / static_cast<double>(std::max<std::int64_t>(active.rows(), 1));
    both += p * p;
    either += 2.0 * p - p * p;
  }
  overlap.independent = either == 0.0 ? 0.0 : both / either;
  return overlap;
}

}  // namespace lacuna
