#include "lacuna/kernels/packed_gemv/bundle_layout.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "lacuna/core/threads.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kSampledRows = 64;
constexpr std::int64_t kUnitsPerThread = 256;  // at least

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

namespace {

// The rows with most entries first, in pairs where these stay together.
std::vector<std::uint32_t> order_rows(const WeightRows& rows, bool pairs, std::int64_t places) {
  const std::int64_t step = pairs ? 2 : 1;  // rows that stay together
  const std::int64_t n = (rows.rows() + step - 1) / step;
  const auto end_of = [&](std::int64_t unit) { return std::min(rows.rows(), (unit + 1) * step); };
  std::vector<std::int64_t> entries(static_cast<std::size_t>(n));
  parallel_for(n, kUnitsPerThread, [&](std::int64_t begin, std::int64_t end) {
    RowEntries scratch(rows.cols());
    for (std::int64_t i = begin; i < end; ++i) {
      auto& sum = entries[static_cast<std::size_t>(i)];
      for (std::int64_t r = i * step; r < end_of(i); ++r) sum += rows.count(r, scratch);
      if ((i + 1) * step > rows.rows()) sum = -1;  // half a pair comes last
    }
  });
  std::vector<std::int64_t> units(static_cast<std::size_t>(n));
  std::iota(units.begin(), units.end(), 0);
  std::stable_sort(units.begin(), units.end(), [&](std::int64_t a, std::int64_t b) {
    return entries[static_cast<std::size_t>(a)] > entries[static_cast<std::size_t>(b)];
  });
  std::vector<std::uint32_t> order;
  order.reserve(static_cast<std::size_t>(places));
  for (const std::int64_t unit : units) {
    for (std::int64_t r = unit * step; r < end_of(unit); ++r) order.push_back(static_cast<std::uint32_t>(r));
  }
  order.resize(static_cast<std::size_t>(places), RowBundles::kNoRow);
  return order;
}

}  // namespace

void choose_bundle_layout(const WeightRows& rows, bool pairs, RowBundles& out) {
  const std::vector<RowEntries> sampled = sample(rows);
  double entries = 0.0;
  for (const RowEntries& row : sampled) entries += row.size;
  out.rows_in_bundle =
      choose_rows(entries / static_cast<double>(sampled.size()), rows.rows(), out.multiprocessors, pairs);
  constexpr std::array<int, 3> kWidths = {4, 6, 8};
  std::array<std::int64_t, kWidths.size()> bits{};
  WideGaps wide;
  for (const RowEntries& row : sampled) {
    for (std::size_t i = 0; i < kWidths.size(); ++i) {
      const int max_gap = (1 << kWidths[i]) - 1;
      wide.find(row, max_gap);
      bits[i] += std::int64_t{fullest_lane(row, wide, out.lanes_a_row(), max_gap)} * (16 + kWidths[i]);
    }
  }
  out.gap_bits = kWidths[static_cast<std::size_t>(std::min_element(bits.begin(), bits.end()) - bits.begin())];
  const std::int64_t warps = choose_bundle_warps(out.n_bundles(), out.multiprocessors);
  out.row_order = order_rows(rows, pairs, out.n_bundles() * out.rows_in_bundle);
  out.streams.resize(static_cast<std::size_t>(std::min(out.n_bundles(), warps * out.multiprocessors)));
}

}  // namespace lacuna::kernels
