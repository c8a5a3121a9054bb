#include "lacuna/kernels/packed_gemv/lane_plan.hpp"

#include <algorithm>
#include <string>

#include "lacuna/core/error.hpp"

namespace lacuna::kernels {
namespace {

constexpr int kLanes = LaneStreams::kLanes;
constexpr int kSlack = LaneStreams::kSlack;
constexpr int kLeastEntries = 4;  // of a row and lane: the kernel fetches the tables of coming rows in time

bool fits(std::int64_t slots) { return slots * kLanes * 4 <= LaneStreams::kSharedBytes; }

// Entries that a lane needs: its own and those that bridge long gaps.
int entries_needed(const std::uint16_t* columns, int n, std::int32_t base, int max_gap) {
  int entries = n;
  int at = start_slot(columns[0] - base);
  for (int i = 0; i < n; ++i) {
    const int gap = columns[i] - base - at;
    if (gap > max_gap) entries += (gap - 1) / max_gap;
    at += gap;
  }
  return entries;
}

}  // namespace

LanePlanner::LanePlanner(const WeightRows& rows) : rows_(rows) {
  split_evenly();
  limit_widths();
}

// Columns at which the whole matrix splits into 32 equally full parts; edge_[32] = cols.
void LanePlanner::split_evenly() {
  const std::int64_t cols = rows_.cols();
  const std::int64_t sampled = std::min<std::int64_t>(rows_.rows(), 512);
  std::vector<std::int64_t> counts(static_cast<std::size_t>(cols), 0);
  RowEntries row(cols);
  for (std::int64_t i = 0; i < sampled; ++i) {
    rows_.read(i * rows_.rows() / sampled, row);
    for (std::size_t k = 0; k < static_cast<std::size_t>(row.size); ++k) ++counts[row.columns[k]];
  }
  // One more in every column, so that an empty matrix splits evenly too.
  std::int64_t total = cols;
  for (const std::int64_t count : counts) total += count;
  std::int64_t before = 0;
  std::size_t lane = 1;
  for (std::int64_t c = 0; c < cols && lane < kLanes; ++c) {
    while (lane < kLanes && before * kLanes >= total * static_cast<std::int64_t>(lane)) {
      edge_[lane++] = static_cast<std::int32_t>(c);
    }
    before += counts[static_cast<std::size_t>(c)] + 1;
  }
  while (lane <= kLanes) edge_[lane++] = static_cast<std::int32_t>(cols);
}

// Where a lane's share would not fit, equal widths may.
void LanePlanner::limit_widths() {
  std::int32_t widest = 0;
  for (std::size_t l = 0; l < kLanes; ++l) widest = std::max(widest, edge_[l + 1] - edge_[l]);
  if (fits(widest + 2 * kSlack + 16)) return;
  for (std::size_t l = 0; l <= kLanes; ++l) {
    edge_[l] = static_cast<std::int32_t>(rows_.cols() * static_cast<std::int64_t>(l) / kLanes);
  }
}

void LanePlanner::choose_layout(LaneStreams& out) const {
  const auto cols = static_cast<std::int32_t>(rows_.cols());
  int slots = 0;
  for (std::size_t l = 0; l < kLanes; ++l) {
    // Rounded down to 8; the arithmetic shift also does it for the negative base of lane 0.
    out.lane_base[l] = (edge_[l] - kSlack) >> 3 << 3;
    slots = std::max(slots, std::min(edge_[l + 1] + kSlack, cols) - out.lane_base[l]);
  }
  out.slots = (slots + 7) / 8 * 8;
  if (!fits(out.slots)) {
    throw Error(ErrorCode::invalid_argument,
                "lane streams: " + std::to_string(cols) + " columns are more than a block's shared memory holds");
  }
  // Bytes of some of the rows with gaps of 4 and of 8 bits.
  RowEntries row(cols);
  const std::int64_t sampled = std::min<std::int64_t>(rows_.rows(), 64);
  std::int64_t bits[2] = {0, 0};
  for (std::int64_t i = 0; i < sampled; ++i) {
    rows_.read(i * rows_.rows() / sampled, row);
    for (int k = 0; k < 2; ++k) {
      out.gap_bits = k == 0 ? 4 : 8;
      bits[k] += std::int64_t{plan(row, out).steps} * out.step() * (16 + out.gap_bits);
    }
  }
  out.gap_bits = bits[0] <= bits[1] ? 4 : 8;
}

namespace {

// For every boundary between two lanes, the entries of the row before which it may lie: [low, high].
struct Limits {
  LaneParts low{};
  LaneParts high{};

  template <typename Edges>
  Limits(const RowEntries& row, const Edges& edge) {
    const std::int32_t cols = edge[kLanes];
    low[kLanes] = high[kLanes] = row.size;
    for (std::size_t l = 1; l < kLanes; ++l) {
      low[l] = row.before(std::clamp(edge[l] - kSlack, 0, cols));
      high[l] = row.before(std::clamp(edge[l] + kSlack, 0, cols));
    }
  }
};

// Lane l gets at most `most` entries, as near to an even split as the limits allow. False where they do not. The
// boundaries that can be reached from the left form intervals; the choice goes from the right.
bool deal(const Limits& limits, int n, int most, LaneParts& parts) {
  LaneParts first{};
  LaneParts last{};
  for (std::size_t l = 1; l <= kLanes; ++l) {
    first[l] = std::max(limits.low[l], first[l - 1]);
    last[l] = std::min(limits.high[l], last[l - 1] + most);
    if (first[l] > last[l]) return false;
  }
  parts[kLanes] = n;
  for (std::size_t l = kLanes - 1; l > 0; --l) {
    const int even = static_cast<int>(static_cast<std::int64_t>(n) * static_cast<std::int64_t>(l) / kLanes);
    parts[l] = std::clamp(even, std::max(first[l], parts[l + 1] - most), std::min(last[l], parts[l + 1]));
  }
  parts[0] = 0;
  return true;
}

}  // namespace

// Deals the row with the fewest steps that work.
RowPlan LanePlanner::plan(const RowEntries& row, const LaneStreams& out) const {
  const Limits limits(row, edge_);
  const int step = out.step();
  const int max_gap = (1 << out.gap_bits) - 1;
  const bool even_gaps = row.widest_gap() <= max_gap;  // then only a lane's first entry may need bridging
  RowPlan plan;
  int most = std::max(kLeastEntries, ((row.size + kLanes - 1) / kLanes + step - 1) / step * step);
  for (;; most += step) {
    if (!deal(limits, row.size, most, plan.parts)) continue;
    int needed = 0;
    for (std::size_t l = 0; l < kLanes; ++l) {
      const int own = plan.parts[l + 1] - plan.parts[l];
      if (own == 0) continue;
      const std::uint16_t* columns = row.columns.data() + plan.parts[l];
      const bool plain = even_gaps && columns[0] - out.lane_base[l] <= 255 + max_gap;
      needed = std::max(needed, plain ? own : entries_needed(columns, own, out.lane_base[l], max_gap));
    }
    if (needed > most) continue;
    plan.steps = most / step;
    return plan;
  }
}

std::vector<RowPlan> LanePlanner::plan_all(const LaneStreams& out) const {
  std::vector<RowPlan> plans(static_cast<std::size_t>(out.rows));
#pragma omp parallel
  {
    RowEntries row(out.cols);
#pragma omp for
    for (std::int64_t r = 0; r < out.rows; ++r) {
      rows_.read(r, row);
      plans[static_cast<std::size_t>(r)] = plan(row, out);
    }
  }
  return plans;
}

}  // namespace lacuna::kernels
