// Making the layout of lane_streams.hpp: lane windows from the columns' counts, then every row twice, once to count its
// steps and once to write them.
#include "lacuna/kernels/packed_gemv/lane_streams.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <type_traits>

#include "lacuna/core/error.hpp"

namespace lacuna::kernels {
namespace {

constexpr int kLanes = LaneStreams::kLanes;
constexpr int kGroup = LaneStreams::kGroup;
constexpr int kLeastEntries = 4;  // of a row and lane: the kernel fetches the tables of coming rows in time
constexpr int kBlock = LaneStreams::kBlock;
constexpr int kSlack = LaneStreams::kSlack;

using Edges = std::array<std::int32_t, kLanes + 1>;  // columns

// The kept non-zeros of one row.
struct RowList {
  std::vector<std::int32_t> columns;  // in order, `size` of them
  std::vector<std::int32_t> before;   // before[c]: how many lie left of column c; cols + 1 elements
  int size = 0;

  explicit RowList(std::int64_t cols)
      : columns(static_cast<std::size_t>(cols) + 1), before(static_cast<std::size_t>(cols) + 1) {}
};

struct Source {
  MatrixView<const std::uint16_t> w;
  const std::uint64_t* mask;  // null: the non-zeros
  std::int64_t words_per_row;

  // No branch that a bit can mispredict.
  void read(std::int64_t r, RowList& list) const {
    const std::uint16_t* row = w.row(r);
    const std::uint64_t* bits = mask == nullptr ? nullptr : mask + r * words_per_row;
    std::int32_t* columns = list.columns.data();
    std::int32_t* before = list.before.data();
    const auto cols = static_cast<std::int32_t>(w.cols);
    std::int32_t n = 0;
    for (std::int32_t c = 0; c < cols; ++c) {
      columns[n] = c;
      before[c] = n;
      const bool kept = bits == nullptr || (bits[c / 64] >> (c % 64) & 1U) != 0;
      n += static_cast<std::int32_t>((row[c] & 0x7fffU) != 0 && kept);
    }
    before[cols] = n;
    list.size = n;
  }
};

// Columns at which the whole matrix splits into 32 equally full parts; edge[32] = cols.
Edges even_edges(const Source& source) {
  const std::int64_t cols = source.w.cols;
  const std::int64_t sampled = std::min<std::int64_t>(source.w.rows, 512);
  std::vector<std::int64_t> counts(static_cast<std::size_t>(cols), 0);
  RowList list(cols);
  for (std::int64_t i = 0; i < sampled; ++i) {
    source.read(i * source.w.rows / sampled, list);
    for (int k = 0; k < list.size; ++k) ++counts[static_cast<std::size_t>(list.columns[static_cast<std::size_t>(k)])];
  }
  // One more in every column, so that an empty matrix splits evenly too.
  std::int64_t total = cols;
  for (const std::int64_t count : counts) total += count;
  Edges edge{};
  std::int64_t before = 0;
  int lane = 1;
  for (std::int64_t c = 0; c < cols && lane < kLanes; ++c) {
    while (lane < kLanes && before * kLanes >= total * lane)
      edge[static_cast<std::size_t>(lane++)] = static_cast<std::int32_t>(c);
    before += counts[static_cast<std::size_t>(c)] + 1;
  }
  while (lane <= kLanes) edge[static_cast<std::size_t>(lane++)] = static_cast<std::int32_t>(cols);
  return edge;
}

bool fits(std::int64_t slots) { return slots * kLanes * 4 <= LaneStreams::kSharedBytes; }

// Where a lane's share would not fit, equal widths may.
void limit_widths(Edges& edge, std::int64_t cols) {
  std::int32_t widest = 0;
  for (std::size_t l = 0; l < kLanes; ++l) widest = std::max(widest, edge[l + 1] - edge[l]);
  if (fits(widest + 2 * kSlack + 16)) return;
  for (std::size_t l = 0; l <= kLanes; ++l) {
    edge[l] = static_cast<std::int32_t>(cols * static_cast<std::int64_t>(l) / kLanes);
  }
}

using Parts = std::array<int, kLanes + 1>;

// For every boundary between two lanes, the entries of the row before which it may lie: [low, high].
struct Limits {
  Parts low{};
  Parts high{};

  Limits(const RowList& list, const Edges& edge) {
    const auto cols = static_cast<std::int32_t>(list.before.size()) - 1;
    const auto left_of = [&](std::int32_t c) { return list.before[static_cast<std::size_t>(std::clamp(c, 0, cols))]; };
    low[kLanes] = high[kLanes] = list.size;
    for (std::size_t l = 1; l < kLanes; ++l) {
      low[l] = left_of(edge[l] - kSlack);
      high[l] = left_of(edge[l] + kSlack);
    }
  }
};

// Lane l gets the entries [parts[l], parts[l+1]) of the row, at most `most`, as near to an even split as the limits
// allow. False where they do not. The boundaries that can be reached from the left form intervals; the choice goes from
// the right.
bool deal(const Limits& limits, int n, int most, Parts& parts) {
  Parts first{};
  Parts last{};
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

// The slot at which a lane starts, given its first entry's.
int start_slot(int first_slot) { return std::min(first_slot, 255); }

// Entries that a lane needs: its own and those that bridge long gaps.
int entries_needed(const std::int32_t* columns, int n, std::int32_t base, int max_gap) {
  if (n == 0) return 0;
  int entries = n;
  int at = start_slot(columns[0] - base);
  for (int i = 0; i < n; ++i) {
    const int gap = columns[i] - base - at;
    if (gap > max_gap) entries += (gap - 1) / max_gap;
    at += gap;
  }
  return entries;
}

// Deals the row with the fewest steps that work; returns their number.
int plan_row(const RowList& list, const Edges& edge, const LaneStreams& out, Parts& parts) {
  const Limits limits(list, edge);
  const int step = out.step();
  const int max_gap = (1 << out.gap_bits) - 1;
  int most = std::max(kLeastEntries, ((list.size + kLanes - 1) / kLanes + step - 1) / step * step);
  for (;; most += step) {
    if (!deal(limits, list.size, most, parts)) continue;
    int needed = 0;
    for (std::size_t l = 0; l < kLanes; ++l) {
      const int own = parts[l + 1] - parts[l];
      needed = std::max(needed, entries_needed(list.columns.data() + parts[l], own, out.lane_base[l], max_gap));
    }
    if (needed <= most) return most / step;
  }
}

// Writes entries of one lane from a given one of a stream on. The gaps of a block are put together in a register.
template <int kGapBits>
class LaneWriter {
 public:
  LaneWriter(std::uint8_t* stream, std::size_t lane, std::int64_t entry)
      : values_(stream + entry / kBlock * kBlockBytes + lane * kBlock * 2),
        gaps_at_(static_cast<std::ptrdiff_t>(kLanes * kBlock * 2 + lane * kGapBits) -
                 static_cast<std::ptrdiff_t>(lane * kBlock * 2)),
        k_(static_cast<unsigned>(entry % kBlock)) {
    std::memcpy(&word_, values_ + gaps_at_, sizeof word_);  // of the row before, which ends in this block
  }

  void put(int gap, std::uint16_t value) {
    std::memcpy(values_ + 2 * k_, &value, sizeof value);
    word_ |= static_cast<Word>(gap) << (kGapBits * k_);
    if (++k_ < kBlock) return;
    flush();
    values_ += kBlockBytes;
    k_ = 0;
    word_ = 0;
  }

  void finish() {
    if (k_ != 0) flush();
  }

 private:
  using Word = std::conditional_t<kGapBits == 4, std::uint32_t, std::uint64_t>;
  static constexpr std::ptrdiff_t kBlockBytes = kLanes * kBlock * 2 + kLanes * kGapBits;

  void flush() { std::memcpy(values_ + gaps_at_, &word_, sizeof word_); }

  std::uint8_t* values_;
  std::ptrdiff_t gaps_at_;  // from values_
  unsigned k_;
  Word word_ = 0;
};

struct Place {
  std::uint8_t* stream;
  std::int64_t entry;  // from which on the row is written
  std::size_t group;
  int row_of_group;
};

template <int kGapBits>
void write_row(const std::uint16_t* row, const RowList& list, const Parts& parts, const Place& place,
               LaneStreams& out) {
  constexpr int kMaxGap = (1 << kGapBits) - 1;
  for (std::size_t l = 0; l < kLanes; ++l) {
    if (parts[l] == parts[l + 1]) continue;  // start 0 and the zeroed block say it
    LaneWriter<kGapBits> writer(place.stream, l, place.entry);
    const std::int32_t* columns = list.columns.data();
    const std::int32_t base = out.lane_base[l];
    const int start = start_slot(columns[parts[l]] - base);
    out.row_starts[place.group * kLanes + l] |= static_cast<std::uint32_t>(start) << (8 * place.row_of_group);
    std::int32_t at = base + start;
    for (int i = parts[l]; i < parts[l + 1]; ++i) {
      const std::int32_t column = columns[i];
      int gap = column - at;
      for (; gap > kMaxGap; gap -= kMaxGap) writer.put(kMaxGap, 0);
      writer.put(gap, row[column]);
      at = column;
    }
    writer.finish();
  }
}

void choose_windows(const Edges& edge, LaneStreams& out) {
  int slots = 0;
  for (std::size_t l = 0; l < kLanes; ++l) {
    // Rounded down to 8; the arithmetic shift also does it for the negative base of lane 0.
    out.lane_base[l] = (edge[l] - kSlack) >> 3 << 3;
    const std::int32_t last = std::min<std::int32_t>(edge[l + 1] + kSlack, static_cast<std::int32_t>(out.cols));
    slots = std::max(slots, last - out.lane_base[l]);
  }
  out.slots = (slots + 7) / 8 * 8;
  if (!fits(out.slots)) {
    throw Error(ErrorCode::invalid_argument,
                "lane streams: " + std::to_string(out.cols) + " columns are more than a block's shared memory holds");
  }
}

// Bytes of some of the rows with gaps of 4 and of 8 bits.
void choose_gap_bits(const Source& source, const Edges& edge, LaneStreams& out) {
  RowList list(out.cols);
  const std::int64_t sampled = std::min<std::int64_t>(out.rows, 64);
  std::int64_t bits[2] = {0, 0};
  for (std::int64_t i = 0; i < sampled; ++i) {
    source.read(i * out.rows / sampled, list);
    for (int k = 0; k < 2; ++k) {
      out.gap_bits = k == 0 ? 4 : 8;
      Parts parts{};
      bits[k] += std::int64_t{plan_row(list, edge, out, parts)} * out.step() * (16 + out.gap_bits);
    }
  }
  out.gap_bits = bits[0] <= bits[1] ? 4 : 8;
}

struct RowPlan {
  Parts parts{};
  int steps = 0;
};

std::vector<RowPlan> plan_rows(const Source& source, const Edges& edge, const LaneStreams& out) {
  std::vector<RowPlan> plans(static_cast<std::size_t>(out.rows));
#pragma omp parallel
  {
    RowList list(out.cols);
#pragma omp for
    for (std::int64_t r = 0; r < out.rows; ++r) {
      RowPlan& plan = plans[static_cast<std::size_t>(r)];
      source.read(r, list);
      plan.steps = plan_row(list, edge, out, plan.parts);
    }
  }
  return plans;
}

// Consecutive rows with about the same number of steps for every stream.
void split_streams(const std::vector<RowPlan>& plans, int streams, LaneStreams& out) {
  std::uint64_t total = 0;
  for (const RowPlan& plan : plans) total += static_cast<std::uint64_t>(plan.steps);
  std::uint64_t done = 0;
  std::int64_t r = 0;
  std::uint64_t block = 0;
  for (int s = 0; s < streams; ++s) {
    out.stream_rows.push_back(static_cast<std::uint32_t>(r));
    out.stream_blocks.push_back(static_cast<std::uint32_t>(block));
    out.stream_groups.push_back(static_cast<std::uint32_t>(out.row_steps.size() / kGroup));
    const std::uint64_t goal = total * static_cast<std::uint64_t>(s + 1) / static_cast<std::uint64_t>(streams);
    const std::uint64_t before = done;
    // A row belongs to the stream in which its middle falls.
    for (; r < out.rows; ++r) {
      const auto steps = static_cast<std::uint16_t>(plans[static_cast<std::size_t>(r)].steps);
      if (done * 2 + steps > goal * 2) break;
      done += steps;
      out.row_steps.push_back(steps);
    }
    out.row_steps.resize((out.row_steps.size() + kGroup - 1) / kGroup * kGroup, 0);
    block += ((done - before) * static_cast<std::uint64_t>(out.step()) + kBlock - 1) / kBlock;
  }
  LACUNA_ASSERT(r == out.rows);
  out.stream_rows.push_back(static_cast<std::uint32_t>(r));
  out.stream_blocks.push_back(static_cast<std::uint32_t>(block));
  out.stream_groups.push_back(static_cast<std::uint32_t>(out.row_steps.size() / kGroup));
  out.row_starts.assign(out.row_steps.size() / kGroup * kLanes, 0);
}

void write_stream(const Source& source, const std::vector<RowPlan>& plans, std::size_t s, RowList& list,
                  LaneStreams& out) {
  const auto block_bytes = static_cast<std::size_t>(out.block_bytes());
  std::uint8_t* stream = out.blocks.data() + out.stream_blocks[s] * block_bytes;
  std::memset(stream, 0, (out.stream_blocks[s + 1] - out.stream_blocks[s]) * block_bytes);
  std::int64_t entry = 0;
  for (std::int64_t r = out.stream_rows[s]; r < out.stream_rows[s + 1]; ++r) {
    const RowPlan& plan = plans[static_cast<std::size_t>(r)];
    const std::int64_t local = r - out.stream_rows[s];
    const Place place{stream, entry, out.stream_groups[s] + static_cast<std::size_t>(local / kGroup),
                      static_cast<int>(local % kGroup)};
    source.read(r, list);
    if (out.gap_bits == 4) {
      write_row<4>(source.w.row(r), list, plan.parts, place, out);
    } else {
      write_row<8>(source.w.row(r), list, plan.parts, place, out);
    }
    entry += std::int64_t{plan.steps} * out.step();
  }
}

LaneStreams make(const Source& source, DType dtype, int streams) {
  if ((dtype != DType::f16 && dtype != DType::bf16) || source.w.rows < 1 || source.w.cols < 1 || streams < 1) {
    throw Error(ErrorCode::invalid_argument, "lane streams: need a non-empty f16 or bf16 matrix and a stream");
  }
  LaneStreams out;
  out.dtype = dtype;
  out.rows = source.w.rows;
  out.cols = source.w.cols;
  Edges edge = even_edges(source);
  limit_widths(edge, out.cols);
  choose_windows(edge, out);
  choose_gap_bits(source, edge, out);
  const std::vector<RowPlan> plans = plan_rows(source, edge, out);
  split_streams(plans, static_cast<int>(std::min<std::int64_t>(streams, out.rows)), out);
  out.blocks = AlignedBuffer<std::uint8_t>(static_cast<std::size_t>(out.stream_blocks.back()) *
                                           static_cast<std::size_t>(out.block_bytes()));
#pragma omp parallel
  {
    RowList list(out.cols);
#pragma omp for schedule(dynamic, 8)
    for (int s = 0; s < out.n_streams(); ++s) write_stream(source, plans, static_cast<std::size_t>(s), list, out);
  }
  return out;
}

}  // namespace

std::size_t LaneStreams::bytes() const {
  return blocks.size() + row_starts.size() * 4 + row_steps.size() * 2 + stream_rows.size() * 12;
}

LaneStreams make_lane_streams(MatrixView<const std::uint16_t> w, DType dtype, int streams) {
  return make({w, nullptr, 0}, dtype, streams);
}

LaneStreams make_lane_streams(MatrixView<const std::uint16_t> w, DType dtype, const std::uint64_t* mask,
                              std::int64_t words_per_row, int streams) {
  return make({w, mask, words_per_row}, dtype, streams);
}

void expand_lane_streams(const LaneStreams& packed, MatrixView<std::uint16_t> w) {
  const auto block_bytes = static_cast<std::size_t>(packed.block_bytes());
  for (std::int64_t r = 0; r < w.rows; ++r) std::fill_n(w.row(r), w.cols, std::uint16_t{0});
  for (std::size_t s = 0; s < static_cast<std::size_t>(packed.n_streams()); ++s) {
    const std::uint8_t* stream = packed.blocks.data() + packed.stream_blocks[s] * block_bytes;
    std::size_t entry = 0;
    for (std::size_t r = packed.stream_rows[s]; r < packed.stream_rows[s + 1]; ++r) {
      const std::size_t local = r - packed.stream_rows[s];
      const std::size_t group = packed.stream_groups[s] + local / kGroup;
      const std::size_t end = entry + std::size_t{packed.row_steps[group * kGroup + local % kGroup]} *
                                          static_cast<std::size_t>(packed.step());
      for (std::size_t l = 0; l < kLanes; ++l) {
        std::int64_t c = packed.lane_base[l] + (packed.row_starts[group * kLanes + l] >> (8 * (local % kGroup)) & 255U);
        for (std::size_t e = entry; e < end; ++e) {
          const std::uint8_t* block = stream + e / kBlock * block_bytes;
          const std::size_t k = e % kBlock;
          std::uint16_t value = 0;
          std::memcpy(&value, block + l * kBlock * 2 + k * 2, sizeof value);
          const std::uint8_t* gaps =
              block + kLanes * kBlock * 2 + l * kBlock * static_cast<std::size_t>(packed.gap_bits) / 8;
          c += packed.gap_bits == 8 ? gaps[k] : gaps[k / 2] >> (k % 2 * 4) & 15;
          if (value != 0) w(static_cast<std::int64_t>(r), c) = value;
        }
      }
      entry = end;
    }
  }
}

}  // namespace lacuna::kernels
