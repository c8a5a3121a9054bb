// Making the layout of lane_streams.hpp: lane windows and the dealing of rows (lane_plan.hpp), then every row twice,
// once to count its steps and once to write them.
#include "lacuna/kernels/packed_gemv/lane_streams.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/packed_gemv/lane_plan.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::size_t kLanes = LaneStreams::kLanes;
constexpr std::size_t kGroup = LaneStreams::kGroup;
constexpr std::size_t kBlock = LaneStreams::kBlock;

// Writes entries of one lane from a given one of a stream on; what is not written stays 0.
template <int kGapBits>
class LaneWriter {
 public:
  LaneWriter(std::uint8_t* stream, std::size_t lane, std::int64_t entry)
      : block_(stream + static_cast<std::size_t>(entry) / kBlock * kBlockBytes),
        lane_(lane),
        k_(static_cast<unsigned>(entry % static_cast<std::int64_t>(kBlock))) {}

  void put(int gap, std::uint16_t value) {
    std::memcpy(values() + 2 * k_, &value, sizeof value);
    if (kGapBits == 8) {
      gaps()[k_] = static_cast<std::uint8_t>(gap);
    } else {
      gaps()[k_ / 2] = static_cast<std::uint8_t>(gaps()[k_ / 2] | gap << (k_ % 2 * 4));
    }
    advance(1);
  }

  // kTogether entries at once, whose gaps to the columns before them need no bridging; false where they do, or where
  // the next place is no multiple of kTogether.
  static constexpr unsigned kTogether = kGapBits == 4 ? 4 : 2;
  bool put_together(const std::uint16_t* columns, const std::uint16_t* values_in) {
    std::uint32_t gaps_in[kTogether];
    std::uint32_t all = 0;
    for (unsigned i = 0; i < kTogether; ++i) {
      gaps_in[i] = static_cast<std::uint32_t>(columns[i] - columns[static_cast<std::ptrdiff_t>(i) - 1]);
      all |= gaps_in[i];
    }
    if (all >> kGapBits != 0 || k_ % kTogether != 0) return false;
    std::uint32_t packed = 0;
    for (unsigned i = 0; i < kTogether; ++i) packed |= gaps_in[i] << (kGapBits * i);
    const auto narrow = static_cast<std::uint16_t>(packed);
    std::memcpy(values() + 2 * k_, values_in, 2 * kTogether);
    std::memcpy(gaps() + k_ * kGapBits / 8, &narrow, sizeof narrow);
    advance(kTogether);
    return true;
  }

 private:
  static constexpr std::size_t kBlockBytes = kLanes * kBlock * 2 + kLanes * kGapBits;

  std::uint8_t* values() const { return block_ + lane_ * kBlock * 2; }
  std::uint8_t* gaps() const { return block_ + kLanes * kBlock * 2 + lane_ * kGapBits; }
  void advance(unsigned n) {
    k_ += n;
    if (k_ < kBlock) return;
    k_ = 0;
    block_ += kBlockBytes;
  }

  std::uint8_t* block_;
  std::size_t lane_;
  unsigned k_;
};

struct Place {
  std::uint8_t* stream;
  std::int64_t entry;  // from which on the row is written
  std::size_t group;
  std::size_t row_of_group;
};

template <int kGapBits>
void write_row(const RowEntries& row, const LaneParts& parts, const Place& place, LaneStreams& out) {
  constexpr int kMaxGap = (1 << kGapBits) - 1;
  constexpr std::size_t kTogether = LaneWriter<kGapBits>::kTogether;
  for (std::size_t l = 0; l < kLanes; ++l) {
    if (parts[l] == parts[l + 1]) continue;  // start 0 and the zeroed block say it
    LaneWriter<kGapBits> writer(place.stream, l, place.entry);
    const std::int32_t base = out.lane_base[l];
    auto i = static_cast<std::size_t>(parts[l]);
    const auto end = static_cast<std::size_t>(parts[l + 1]);
    const int start = start_slot(row.columns[i] - base);
    out.row_starts[place.group * kLanes + l] |= static_cast<std::uint32_t>(start) << (8 * place.row_of_group);
    std::int32_t at = base + start;
    for (bool first = true; i < end; first = false) {
      if (!first && i + kTogether <= end && writer.put_together(&row.columns[i], &row.values[i])) {
        i += kTogether;
        at = row.columns[i - 1];
        continue;
      }
      const std::int32_t column = row.columns[i];
      int gap = column - at;
      for (; gap > kMaxGap; gap -= kMaxGap) writer.put(kMaxGap, 0);
      writer.put(gap, row.values[i++]);
      at = column;
    }
  }
}

// Consecutive rows with about the same number of steps for every stream.
void split_streams(const std::vector<RowPlan>& plans, int streams, std::int64_t row_multiple, LaneStreams& out) {
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
    // Rows that stay together belong to the stream in which their middle falls.
    while (r < out.rows) {
      std::uint64_t steps = 0;
      const std::int64_t end = std::min(r + row_multiple, out.rows);
      for (std::int64_t i = r; i < end; ++i)
        steps += static_cast<std::uint64_t>(plans[static_cast<std::size_t>(i)].steps);
      if (done * 2 + steps > goal * 2) break;
      done += steps;
      for (; r < end; ++r) {
        out.row_steps.push_back(static_cast<std::uint16_t>(plans[static_cast<std::size_t>(r)].steps));
      }
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

void write_stream(const WeightRows& rows, const std::vector<RowPlan>& plans, std::size_t s, RowEntries& row,
                  LaneStreams& out) {
  const auto block_bytes = static_cast<std::size_t>(out.block_bytes());
  std::uint8_t* stream = out.blocks.data() + out.stream_blocks[s] * block_bytes;
  std::memset(stream, 0, (out.stream_blocks[s + 1] - out.stream_blocks[s]) * block_bytes);
  std::int64_t entry = 0;
  for (std::size_t r = out.stream_rows[s]; r < out.stream_rows[s + 1]; ++r) {
    const std::size_t local = r - out.stream_rows[s];
    const Place place{stream, entry, out.stream_groups[s] + local / kGroup, local % kGroup};
    rows.read(static_cast<std::int64_t>(r), row);
    out.gap_bits == 4 ? write_row<4>(row, plans[r].parts, place, out) : write_row<8>(row, plans[r].parts, place, out);
    entry += std::int64_t{plans[r].steps} * out.step();
  }
}

LaneStreams make(const WeightRows& rows, int streams, int row_multiple) {
  const bool half = rows.dtype() == DType::f16 || rows.dtype() == DType::bf16;
  if (!half || rows.rows() < 1 || rows.cols() < 1 || rows.cols() > 65535 || streams < 1 || row_multiple < 1) {
    throw Error(ErrorCode::invalid_argument, "lane streams: need a non-empty f16 or bf16 matrix and a stream");
  }
  LaneStreams out;
  out.dtype = rows.dtype();
  out.rows = rows.rows();
  out.cols = rows.cols();
  const LanePlanner planner(rows);
  planner.choose_layout(out);
  const std::vector<RowPlan> plans = planner.plan_all(out);
  split_streams(plans, static_cast<int>(std::min<std::int64_t>(streams, out.rows)), row_multiple, out);
  out.blocks = AlignedBuffer<std::uint8_t>(static_cast<std::size_t>(out.stream_blocks.back()) *
                                           static_cast<std::size_t>(out.block_bytes()));
#pragma omp parallel
  {
    RowEntries row(out.cols);
#pragma omp for schedule(dynamic, 8)
    for (int s = 0; s < out.n_streams(); ++s) write_stream(rows, plans, static_cast<std::size_t>(s), row, out);
  }
  return out;
}

}  // namespace

std::size_t LaneStreams::bytes() const {
  return blocks.size() + row_starts.size() * 4 + row_steps.size() * 2 + stream_rows.size() * 12;
}

LaneStreams make_lane_streams(MatrixView<const std::uint16_t> w, DType dtype, int streams, int row_multiple) {
  return make(WeightRows(w, dtype, nullptr, 0), streams, row_multiple);
}

LaneStreams make_lane_streams(MatrixView<const std::uint16_t> w, DType dtype, const std::uint64_t* mask,
                              std::int64_t words_per_row, int streams) {
  return make(WeightRows(w, dtype, mask, words_per_row), streams, 1);
}

LaneStreams make_lane_streams(std::span<const PackedRows> parts, int streams, RowOrder order) {
  const int together = order == RowOrder::interleaved ? static_cast<int>(parts.size()) : 1;
  return make(WeightRows(parts, order), streams, together);
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
