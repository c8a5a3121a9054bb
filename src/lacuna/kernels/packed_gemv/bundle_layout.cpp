#include "lacuna/kernels/packed_gemv/bundle_layout.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kSampledRows = 64;

std::vector<RowEntries> sample(const WeightRows& rows) {
  const std::int64_t n = std::min(rows.rows(), kSampledRows);
  std::vector<RowEntries> entries;
  for (std::int64_t i = 0; i < n; ++i) {
    entries.emplace_back(rows.cols());
    rows.read(i * rows.rows() / n, entries.back());
  }
  return entries;
}

// More rows in a bundle: longer lists, less filling and fewer sums over lanes. Fewer rows: more bundles, so that every
// multiprocessor has ten warps. Eight rows pay where lists are short. Measured choices: docs/kernels-cuda.md.
int choose_rows(double mean_entries, std::int64_t rows, int multiprocessors, bool pairs) {
  constexpr std::int64_t kLeastBundles = 10;  // of a multiprocessor
  constexpr double kShort = 64;               // entries of a lane
  constexpr double kTooShort = 32;
  int n = pairs ? 2 : 1;
  const auto doubles = [&] {
    const double entries = mean_entries * n / RowBundles::kLanes;
    if (n < 4 && entries < kTooShort) return true;
    return (n < 4 || entries < kShort) && rows / (2 * n) >= kLeastBundles * multiprocessors;
  };
  while (n < RowBundles::kMostRows && doubles()) n *= 2;
  return n;
}

// So many that all have equally many bundles, as nearly as possible; more rather than fewer.
int choose_warps(std::int64_t bundles, int multiprocessors) {
  const double share = static_cast<double>(bundles) / multiprocessors;
  int best = 1;
  double least = 1e300;
  for (int warps = RowBundles::kMostWarps; warps >= 1; --warps) {
    const std::int64_t streams = std::int64_t{multiprocessors} * warps;
    const std::int64_t rounds = (bundles + streams - 1) / streams;
    const double waste = static_cast<double>(rounds * warps) / share;
    if (waste < least - 0.04) {
      least = waste;
      best = warps;
    }
  }
  return best;
}

}  // namespace

// In runs, each of which compilers turn into vectors.
void WideGaps::find(const RowEntries& row, int max_gap) {
  constexpr int kRun = 32;
  entries_.clear();
  const std::uint16_t* c = row.columns.data();
  for (int from = 1; from < row.size; from += kRun) {
    const int to = std::min(from + kRun, row.size);
    std::uint16_t widest = 0;
    for (int i = from; i < to; ++i) widest = std::max(widest, static_cast<std::uint16_t>(c[i] - c[i - 1]));
    if (widest <= max_gap) continue;
    for (int i = from; i < to; ++i) {
      if (c[i] - c[i - 1] > max_gap) entries_.push_back(i);
    }
  }
}

std::span<const int> WideGaps::within(LanePart part) const {
  if (entries_.empty()) return {};
  const auto from = std::upper_bound(entries_.begin(), entries_.end(), part.first);
  const auto to = std::lower_bound(from, entries_.end(), part.first + part.size);
  return {from, to};
}

int fullest_lane(const RowEntries& row, const WideGaps& wide, int lanes, int max_gap) {
  int most = 0;
  for (int j = 0; j < lanes; ++j) {
    const LanePart part = part_of(row.size, j, lanes);
    int entries = part.size;
    for (const int i : wide.within(part)) {
      const auto k = static_cast<std::size_t>(i);
      entries += bridges(row.columns[k] - row.columns[k - 1], max_gap);
    }
    most = std::max(most, entries);
  }
  return most;
}

void choose_bundle_layout(const WeightRows& rows, bool pairs, RowBundles& out) {
  const std::vector<RowEntries> sampled = sample(rows);
  double entries = 0.0;
  for (const RowEntries& row : sampled) entries += row.size;
  out.rows_in_bundle =
      choose_rows(entries / static_cast<double>(sampled.size()), rows.rows(), out.multiprocessors, pairs);
  std::array<std::int64_t, 2> bits{};
  WideGaps wide;
  for (const RowEntries& row : sampled) {
    for (const int width : {4, 8}) {
      const int max_gap = (1 << width) - 1;
      wide.find(row, max_gap);
      bits[width == 8] += std::int64_t{fullest_lane(row, wide, out.lanes_a_row(), max_gap)} * (16 + width);
    }
  }
  out.gap_bits = bits[0] <= bits[1] ? 4 : 8;
  const std::int64_t warps = choose_warps(out.n_bundles(), out.multiprocessors);
  out.streams.resize(static_cast<std::size_t>(std::min(out.n_bundles(), warps * out.multiprocessors)));
}

}  // namespace lacuna::kernels
