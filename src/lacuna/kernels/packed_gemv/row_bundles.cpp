// Making the layout of row_bundles.hpp. What a sample of the rows says decides the layout (bundle_layout.hpp); then
// every stream is made on its own, in memory that grows, and copied to its place.
#include "lacuna/kernels/packed_gemv/row_bundles.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/packed_gemv/bundle_layout.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::size_t kLanes = RowBundles::kLanes;
constexpr std::size_t kBlock = RowBundles::kBlock;

// The blocks of one stream, a bundle after the other.
template <int kGapBits>
class StreamWriter {
 public:
  explicit StreamWriter(RowBundles& out) : out_(out) {
    for (int i = 0; i < out.rows_in_bundle; ++i) rows_.emplace_back(out.cols);
  }

  std::vector<std::uint8_t> write(const WeightRows& rows, std::int64_t first_bundle) {
    blocks_.reserve(usual_size_);
    for (std::int64_t b = first_bundle; b < out_.n_bundles(); b += out_.n_streams()) write_bundle(rows, b);
    usual_size_ = std::max(usual_size_, blocks_.size());
    return std::exchange(blocks_, {});
  }

 private:
  static constexpr int kMaxGap = (1 << kGapBits) - 1;
  static constexpr std::size_t kBlockBytes = kLanes * kBlock * 2 + kLanes * kGapBits;

  struct Row {
    explicit Row(std::int64_t cols) : entries(cols) {}
    RowEntries entries;
    WideGaps wide;
  };

  void write_bundle(const WeightRows& rows, std::int64_t bundle) {
    const std::int64_t first = bundle * out_.rows_in_bundle;
    const auto n = static_cast<std::size_t>(std::min<std::int64_t>(out_.rows_in_bundle, out_.rows - first));
    const std::uint32_t* own = out_.row_order.data() + first;
    int most = 0;
    for (std::size_t i = 0; i < n; ++i) {
      rows.read(own[i], rows_[i].entries);
      rows_[i].wide.find(rows_[i].entries, kMaxGap);
      most = std::max(most, fullest_lane(rows_[i].entries, rows_[i].wide, out_.lanes_a_row(), kMaxGap));
    }
    const std::size_t length = (static_cast<std::size_t>(most) + kBlock - 1) / kBlock;
    out_.lengths[static_cast<std::size_t>(bundle)] = static_cast<std::uint16_t>(length);
    const std::size_t at = blocks_.size();
    blocks_.resize(at + length * kBlockBytes, 0);
    const auto lanes = static_cast<std::size_t>(out_.lanes_a_row());
    for (std::size_t i = 0; i < n; ++i) {
      write_row(rows_[i], &out_.starts[static_cast<std::size_t>(bundle) * kLanes + i * lanes], blocks_.data() + at,
                i * lanes);
    }
  }

  void write_row(const Row& row, std::uint16_t* starts, std::uint8_t* blocks, std::size_t first_lane) {
    const int lanes = out_.lanes_a_row();
    for (int j = 0; j < lanes; ++j) {
      const LanePart part = part_of(row.entries.size, j, lanes);
      if (part.size == 0) continue;  // start 0 and the zeroed blocks say it
      const std::uint16_t* columns = row.entries.columns.data() + part.first;
      const std::uint16_t* values = row.entries.values.data() + part.first;
      const std::size_t lane = first_lane + static_cast<std::size_t>(j);
      starts[j] = columns[0];
      const auto wide = row.wide.within(part);
      if (wide.empty()) {
        write_lane(columns, values, part.size, blocks, lane);
      } else {
        bridge(row.entries, part, wide);
        write_lane(bridged_columns_.data(), bridged_values_.data(), bridged_size_, blocks, lane);
      }
    }
  }

  // Entries without gaps that need bridging. Eight columns are read at a time: up to seven behind the last.
  static void write_lane(const std::uint16_t* columns, const std::uint16_t* values, int n, std::uint8_t* block,
                         std::size_t lane) {
    std::uint16_t before = columns[0];
    for (int i = 0; i < n; i += 8, block += kBlockBytes) {
      std::uint16_t shifted[8];
      shifted[0] = before;
      std::memcpy(shifted + 1, columns + i, 14);
      before = columns[i + 7];
      std::uint8_t gaps[8];
      for (int k = 0; k < 8; ++k) gaps[k] = static_cast<std::uint8_t>(columns[i + k] - shifted[k]);
      std::uint64_t packed = 0;
      std::memcpy(&packed, gaps, 8);
      const int m = std::min(8, n - i);
      if (m < 8) packed &= (std::uint64_t{1} << (8 * m)) - 1;
      std::memcpy(block + lane * kBlock * 2, values + i, static_cast<std::size_t>(m) * 2);
      put_gaps(packed, block + kLanes * kBlock * 2, lane);
    }
  }

  // gaps: a byte each.
  static void put_gaps(std::uint64_t gaps, std::uint8_t* out, std::size_t lane) {
    if constexpr (kGapBits == 8) {
      std::memcpy(out + lane * 8, &gaps, 8);
      return;
    }
    const std::uint64_t above = kGapBits == 6 ? gaps >> 30 & 0xc0c0c0c0U : gaps >> 28;
    const auto word = static_cast<std::uint32_t>(gaps | above);
    std::memcpy(out + lane * 4, &word, 4);
    if constexpr (kGapBits == 6) {
      const std::uint64_t low = gaps >> 32 & 0x0f0f0f0fU;
      const auto nibbles = static_cast<std::uint16_t>((low & 0x0f0fU) | (low >> 12 & 0xf0f0U));
      std::memcpy(out + kLanes * 4 + lane * 2, &nibbles, 2);
    }
  }

  // The part's entries with those that bridge its wide gaps.
  void bridge(const RowEntries& row, LanePart part, std::span<const int> wide) {
    bridged_columns_.clear();
    bridged_values_.clear();
    int from = part.first;
    const auto copy_until = [&](int to) {
      bridged_columns_.insert(bridged_columns_.end(), row.columns.begin() + from, row.columns.begin() + to);
      bridged_values_.insert(bridged_values_.end(), row.values.begin() + from, row.values.begin() + to);
      from = to;
    };
    for (const int i : wide) {
      copy_until(i);
      const int gap = row.columns[static_cast<std::size_t>(i)] - bridged_columns_.back();
      for (int k = bridges(gap, kMaxGap); k > 0; --k) {
        bridged_columns_.push_back(static_cast<std::uint16_t>(bridged_columns_.back() + kMaxGap));
        bridged_values_.push_back(0);
      }
    }
    copy_until(part.first + part.size);
    bridged_size_ = static_cast<int>(bridged_columns_.size());
    bridged_columns_.resize(bridged_columns_.size() + 8);  // write_lane reads on
  }

  RowBundles& out_;
  std::vector<Row> rows_;
  std::vector<std::uint8_t> blocks_;
  std::size_t usual_size_ = 0;
  std::vector<std::uint16_t> bridged_columns_;
  std::vector<std::uint16_t> bridged_values_;
  int bridged_size_ = 0;
};

using StreamBytes = std::vector<std::vector<std::uint8_t>>;

constexpr std::int64_t kStreamsPerThread = 4;  // at least

template <int kGapBits>
StreamBytes write_streams(const WeightRows& rows, RowBundles& out) {
  StreamBytes streams(out.streams.size());
  parallel_for(out.n_streams(), kStreamsPerThread, [&](std::int64_t begin, std::int64_t end) {
    StreamWriter<kGapBits> writer(out);
    for (auto s = begin; s < end; ++s) streams[static_cast<std::size_t>(s)] = writer.write(rows, s);
  });
  return streams;
}

void place_streams(StreamBytes streams, RowBundles& out) {
  const auto block_bytes = static_cast<std::size_t>(out.block_bytes());
  std::uint32_t block = 0;
  for (std::size_t s = 0; s < streams.size(); ++s) {
    const auto n = static_cast<std::uint32_t>(streams[s].size() / block_bytes);
    out.streams[s] = {block, n};
    block += n;
  }
  out.blocks = AlignedBuffer<std::uint8_t>(std::max<std::size_t>(block, 1) * block_bytes);
  if (block == 0) std::memset(out.blocks.data(), 0, block_bytes);
  parallel_for(out.n_streams(), kStreamsPerThread, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      std::copy(streams[i].begin(), streams[i].end(), out.blocks.data() + out.streams[i].first * block_bytes);
      streams[i] = {};
    }
  });
}

void check(const WeightRows& rows, int multiprocessors) {
  const bool half = rows.dtype() == DType::f16 || rows.dtype() == DType::bf16;
  if (half && rows.rows() >= 1 && rows.cols() >= 1 && rows.cols() <= RowBundles::kMostColumns && multiprocessors >= 1) {
    return;
  }
  const auto text = [](std::int64_t n) { return std::to_string(n); };
  throw Error(ErrorCode::invalid_argument,
              "row bundles: expected a non-empty f16 or bf16 matrix of at most " + text(RowBundles::kMostColumns) +
                  " columns and at least 1 multiprocessor, got " + std::string(dtype_name(rows.dtype())) + " " +
                  text(rows.rows()) + "x" + text(rows.cols()) + " for " + text(multiprocessors));
}

RowBundles make(const WeightRows& rows, int multiprocessors, bool pairs) {
  check(rows, multiprocessors);
  RowBundles out;
  out.dtype = rows.dtype();
  out.rows = rows.rows();
  out.cols = rows.cols();
  out.multiprocessors = multiprocessors;
  choose_bundle_layout(rows, pairs, out);
  const std::int64_t bundles = out.n_bundles();
  out.lengths.resize(static_cast<std::size_t>(bundles));
  out.starts.resize(static_cast<std::size_t>(bundles) * kLanes);
  place_streams(out.gap_bits == 4   ? write_streams<4>(rows, out)
                : out.gap_bits == 6 ? write_streams<6>(rows, out)
                                    : write_streams<8>(rows, out),
                out);
  return out;
}

}  // namespace

std::size_t RowBundles::bytes() const { return blocks.size() + starts.size() * 2 + table_bytes(); }

RowBundles make_row_bundles(MatrixView<const std::uint16_t> w, DType dtype, int multiprocessors, bool pairs) {
  return make(WeightRows(w, dtype, nullptr, 0), multiprocessors, pairs);
}

RowBundles make_row_bundles(MatrixView<const std::uint16_t> w, DType dtype, const std::uint64_t* mask,
                            std::int64_t words_per_row, int multiprocessors) {
  return make(WeightRows(w, dtype, mask, words_per_row), multiprocessors, false);
}

RowBundles make_row_bundles(std::span<const PackedRows> parts, int multiprocessors, RowOrder order) {
  return make(WeightRows(parts, order), multiprocessors, order == RowOrder::interleaved);
}

namespace {

// Entry k of a lane in a block.
int gap_of(const RowBundles& packed, const std::uint8_t* block, std::size_t lane, std::size_t k) {
  const std::uint8_t* gaps = block + kLanes * kBlock * 2;
  if (packed.gap_bits == 8) return gaps[lane * 8 + k];
  if (packed.gap_bits == 6) {
    const int word = gaps[lane * 4 + k % 4];
    if (k < 4) return word & 63;
    return (word >> 6) << 4 | (gaps[kLanes * 4 + lane * 2 + k % 2] >> (k % 4 / 2 * 4) & 15);
  }
  return gaps[lane * 4 + k % 4] >> (k / 4 * 4) & 15;
}

void expand_bundle(const RowBundles& packed, std::size_t bundle, const std::uint8_t* blocks,
                   MatrixView<std::uint16_t> w) {
  for (std::size_t l = 0; l < kLanes; ++l) {
    const auto place =
        bundle * static_cast<std::size_t>(packed.rows_in_bundle) + l / static_cast<std::size_t>(packed.lanes_a_row());
    if (packed.row_order[place] == RowBundles::kNoRow) return;
    const std::int64_t r = packed.row_order[place];
    std::int64_t c = packed.starts[bundle * kLanes + l];
    for (std::size_t e = 0; e < packed.lengths[bundle] * kBlock; ++e) {
      const std::uint8_t* block = blocks + e / kBlock * static_cast<std::size_t>(packed.block_bytes());
      std::uint16_t value = 0;
      std::memcpy(&value, block + l * kBlock * 2 + e % kBlock * 2, sizeof value);
      c += gap_of(packed, block, l, e % kBlock);
      if (value != 0) w(r, c) = value;
    }
  }
}

}  // namespace

void expand_row_bundles(const RowBundles& packed, MatrixView<std::uint16_t> w) {
  const auto block_bytes = static_cast<std::size_t>(packed.block_bytes());
  for (std::int64_t r = 0; r < w.rows; ++r) std::fill_n(w.row(r), w.cols, std::uint16_t{0});
  for (std::size_t s = 0; s < packed.streams.size(); ++s) {
    const std::uint8_t* blocks = packed.blocks.data() + packed.streams[s].first * block_bytes;
    for (std::size_t b = s; b < packed.lengths.size(); b += packed.streams.size()) {
      expand_bundle(packed, b, blocks, w);
      blocks += packed.lengths[b] * block_bytes;
    }
  }
}

}  // namespace lacuna::kernels
