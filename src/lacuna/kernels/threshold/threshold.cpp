#include "lacuna/kernels/threshold/threshold.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/threshold/span.hpp"

namespace lacuna::kernels {
namespace {

using threshold::Counts;
using threshold::SpanOps;

constexpr std::int64_t kGrain = 1 << 16;  // elements per thread below which threads cost more than they save
constexpr std::int64_t kSample = 4096;    // brackets the value to about ±4 standard errors: 3 % of the ranks
constexpr std::uint32_t kLargest = threshold::kMagnitude;

SpanOps span_ops() { return use_simd() ? threshold::simd_ops() : threshold::scalar_ops(); }

// Visits elements [begin, end) of the matrix in row-major order as contiguous stretches.
template <typename T, typename Visit>
void for_each_span(MatrixView<T> m, std::int64_t begin, std::int64_t end, Visit visit) {
  if (m.row_stride == m.cols) {
    visit(m.data + begin, end - begin);
    return;
  }
  while (begin < end) {
    const auto row = begin / m.cols;
    const auto column = begin % m.cols;
    const auto n = std::min(end - begin, m.cols - column);
    visit(m.row(row) + column, n);
    begin += n;
  }
}

// Bisects on the bits: the smallest value with more than k magnitudes up to it. count_up_to(bits) counts |v| ≤ bits.
template <typename CountUpTo>
std::uint32_t bisect(std::uint32_t low, std::uint32_t high, std::int64_t k, CountUpTo count_up_to) {
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    if (count_up_to(middle) > k) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

std::uint32_t kth_in_span(const SpanOps& ops, const float* values, std::int64_t n, std::int64_t k) {
  return bisect(0, kLargest, k, [&](std::uint32_t bits) { return ops.count(values, n, 0, bits).inside; });
}

struct Bracket {
  std::uint32_t low = 0;
  std::uint32_t high = kLargest;
};

// Where the k-th smallest of n probably lies, from a sample at scrambled but fixed positions.
Bracket bracket_from_sample(const SpanOps& ops, MatrixView<const float> values, std::int64_t k) {
  const auto n = static_cast<std::uint64_t>(values.numel());
  AlignedBuffer<float> sample(kSample);
  for (std::uint64_t i = 0; i < kSample; ++i) {
    const auto at = static_cast<std::int64_t>((i * 0x9e3779b97f4a7c15ULL) % n);
    sample[i] = values(at / values.cols, at % values.cols);
  }
  const auto rank = static_cast<std::int64_t>(static_cast<double>(k) / static_cast<double>(n) * kSample);
  constexpr std::int64_t kMargin = kSample / 32;  // 4 standard errors of a rank at the median: 4 · √(kSample)/2
  Bracket bracket;
  if (rank >= kMargin) bracket.low = kth_in_span(ops, sample.data(), kSample, rank - kMargin);
  if (rank + kMargin < kSample) bracket.high = kth_in_span(ops, sample.data(), kSample, rank + kMargin);
  return bracket;
}

// One Counts per chunk; the chunks depend on the number of threads, their sums do not.
std::vector<Counts> count_chunks(const SpanOps& ops, MatrixView<const float> values, Bracket bracket,
                                 const std::vector<std::int64_t>& bounds) {
  std::vector<Counts> counts(bounds.size() - 1);
  parallel_for(static_cast<std::int64_t>(counts.size()), 1, [&](std::int64_t first, std::int64_t last) {
    for (auto chunk = static_cast<std::size_t>(first); chunk < static_cast<std::size_t>(last); ++chunk) {
      for_each_span(values, bounds[chunk], bounds[chunk + 1], [&](const float* span, std::int64_t n) {
        const auto c = ops.count(span, n, bracket.low, bracket.high);
        counts[chunk].below += c.below;
        counts[chunk].inside += c.inside;
      });
    }
  });
  return counts;
}

Counts sum(const std::vector<Counts>& chunks) {
  Counts total;
  for (const auto& c : chunks) {
    total.below += c.below;
    total.inside += c.inside;
  }
  return total;
}

AlignedBuffer<float> collect_inside(const SpanOps& ops, MatrixView<const float> values, Bracket bracket,
                                    const std::vector<std::int64_t>& bounds, const std::vector<Counts>& counts) {
  std::vector<std::int64_t> offsets(counts.size(), 0);
  for (std::size_t i = 1; i < counts.size(); ++i) offsets[i] = offsets[i - 1] + counts[i - 1].inside;
  AlignedBuffer<float> inside(static_cast<std::size_t>(sum(counts).inside));
  parallel_for(static_cast<std::int64_t>(counts.size()), 1, [&](std::int64_t first, std::int64_t last) {
    for (auto chunk = static_cast<std::size_t>(first); chunk < static_cast<std::size_t>(last); ++chunk) {
      float* out = inside.data() + offsets[chunk];
      for_each_span(values, bounds[chunk], bounds[chunk + 1], [&](const float* span, std::int64_t n) {
        out += ops.collect(span, n, bracket.low, bracket.high, out);
      });
    }
  });
  return inside;
}

std::vector<std::int64_t> chunk_bounds(std::int64_t n) {
  const auto chunks = std::clamp<std::int64_t>(n / kGrain, 1, thread_count());
  std::vector<std::int64_t> bounds;
  for (std::int64_t i = 0; i <= chunks; ++i) bounds.push_back(n * i / chunks);
  return bounds;
}

}  // namespace

float kth_smallest_abs(MatrixView<const float> values, std::int64_t k) {
  if (k < 0 || k >= values.numel()) {
    throw Error(ErrorCode::invalid_argument, fmt::format("rank {} outside a matrix of {} values", k, values.numel()));
  }
  const auto ops = span_ops();
  const auto bounds = chunk_bounds(values.numel());
  const auto bracket = values.numel() > 4 * kSample ? bracket_from_sample(ops, values, k) : Bracket{};
  const auto counts = count_chunks(ops, values, bracket, bounds);
  const auto total = sum(counts);
  const bool hit = total.below <= k && k < total.below + total.inside;
  if (hit && (total.inside <= values.numel() / 16 || values.numel() <= 4 * kSample)) {
    const auto inside = collect_inside(ops, values, bracket, bounds, counts);
    return std::bit_cast<float>(kth_in_span(ops, inside.data(), total.inside, k - total.below));
  }
  return std::bit_cast<float>(bisect(
      0, kLargest, k, [&](std::uint32_t bits) { return sum(count_chunks(ops, values, {0, bits}, bounds)).inside; }));
}

std::int64_t zero_up_to_abs(MatrixView<float> values, float threshold) {
  const auto ops = span_ops();
  const auto bits = std::bit_cast<std::uint32_t>(threshold) & kLargest;
  std::atomic<std::int64_t> zeroed{0};
  parallel_for(values.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t here = 0;
    for_each_span(values, begin, end, [&](float* span, std::int64_t n) { here += ops.zero_up_to(span, n, bits); });
    zeroed += here;
  });
  return zeroed;
}

std::int64_t count_zeros(MatrixView<const float> values) {
  return sum(count_chunks(span_ops(), values, {0, 0}, chunk_bounds(values.numel()))).inside;
}

bool all_finite(MatrixView<const float> values) {
  const auto ops = span_ops();
  std::atomic<bool> finite{true};
  parallel_for(values.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    for_each_span(values, begin, end, [&](const float* span, std::int64_t n) {
      if (!ops.finite(span, n)) finite = false;
    });
  });
  return finite;
}

}  // namespace lacuna::kernels
