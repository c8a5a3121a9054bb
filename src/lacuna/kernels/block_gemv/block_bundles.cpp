#include "lacuna/kernels/block_gemv/block_bundles.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <span>
#include <string>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kStreamsPerThread = 4;  // at least
constexpr std::size_t kValueBytes = 16;        // of a block
constexpr int kLanes = BlockBundles::kLanes;

void check(const BlockRows& rows, int multiprocessors) {
  const bool half = rows.dtype == DType::f16 || rows.dtype == DType::bf16;
  if (half && rows.rows >= 1 && rows.blocks >= 1 && rows.blocks <= BlockBundles::kMostBlocks && multiprocessors >= 1) {
    return;
  }
  const auto text = [](std::int64_t n) { return std::to_string(n); };
  throw Error(ErrorCode::invalid_argument,
              "block bundles: expected a non-empty f16 or bf16 matrix of at most " + text(BlockBundles::kMostBlocks) +
                  " blocks a row and at least 1 multiprocessor, got " + std::string(dtype_name(rows.dtype)) + " " +
                  text(rows.rows) + " rows of " + text(rows.blocks) + " blocks for " + text(multiprocessors));
}

std::uint64_t stored_of(const BlockRows& rows, std::int64_t r) { return rows.row_starts[r + 1] - rows.row_starts[r]; }

// The rows with most blocks first.
std::vector<std::uint32_t> order_rows(const BlockRows& rows) {
  std::vector<std::uint32_t> order(static_cast<std::size_t>(rows.rows));
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return stored_of(rows, a) > stored_of(rows, b); });
  return order;
}

// How rows of that order become bundles, and these streams.
struct Layout {
  int rows_in_bundle;
  int warps;
  double busiest;  // steps of the warps of the busiest multiprocessor
};

Layout deal(std::int64_t bundles, int rows_in_bundle, double steps, int multiprocessors) {
  const int warps = choose_bundle_warps(bundles, multiprocessors);
  const std::int64_t streams = std::int64_t{multiprocessors} * warps;
  const std::int64_t rounds = (bundles + streams - 1) / streams;
  return {rows_in_bundle, warps, static_cast<double>(rounds * warps) * steps / static_cast<double>(bundles)};
}

// More rows in a bundle: longer lists, which are filled up less. Fewer: more bundles, which are dealt more evenly;
// every multiprocessor is to have twelve warps, whose copies on their way are what memory takes to be busy. A bundle's
// end costs about three steps.
Layout choose_layout(const BlockRows& rows, std::span<const std::uint32_t> order, int multiprocessors) {
  constexpr std::uint64_t kEndSteps = 3;
  constexpr int kLeastWarps = 12;
  Layout best = {1, 1, 1e300};
  for (int n = 1; n <= BlockBundles::kMostRows; n *= 2) {
    const auto lanes = static_cast<std::uint64_t>(kLanes / n);
    const std::int64_t bundles = (rows.rows + n - 1) / n;
    if (n > 1 && bundles < std::int64_t{kLeastWarps} * multiprocessors) break;
    std::uint64_t steps = kEndSteps * static_cast<std::uint64_t>(bundles);
    for (std::size_t first = 0; first < order.size(); first += static_cast<std::size_t>(n)) {
      steps += (stored_of(rows, order[first]) + lanes - 1) / lanes;
    }
    const Layout layout = deal(bundles, n, static_cast<double>(steps), multiprocessors);
    if (layout.busiest < best.busiest) best = layout;
  }
  return best;
}

// What one lane reads of a row: places of stored blocks, and for each the gap from the one before.
class LaneList {
 public:
  void clear() { entries_.clear(); }

  // The row's next stored block for this lane, and its values.
  void add(int block, const std::byte* value) {
    if (entries_.empty()) start_ = block_ = block - 1;
    int gap = block - block_;
    for (; gap > BlockBundles::kMostGap; gap -= BlockBundles::kMostGap) {
      entries_.push_back({BlockBundles::kMoves, nullptr});
    }
    entries_.push_back({gap, value});
    block_ = block;
  }

  int start() const { return entries_.empty() ? 0 : start_; }
  std::size_t size() const { return entries_.size(); }

  // Its entries as lane `lane` of the steps from `out` on.
  void write(int lane, std::uint8_t* out) const {
    for (const Entry& entry : entries_) {
      out[kLanes * kValueBytes + static_cast<std::size_t>(lane)] = static_cast<std::uint8_t>(entry.gap);
      if (entry.value != nullptr) {
        std::memcpy(out + static_cast<std::size_t>(lane) * kValueBytes, entry.value, kValueBytes);
      }
      out += BlockBundles::kStepBytes;
    }
  }

 private:
  struct Entry {
    int gap;
    const std::byte* value;  // null: it moves only
  };

  std::vector<Entry> entries_;
  int start_ = 0;
  int block_ = 0;  // the last one's
};

// The lanes of bundle b; shares the lists' memory from bundle to bundle.
class BundleWriter {
 public:
  BundleWriter(const BlockRows& rows, BlockBundles& out) : rows_(rows), out_(out), lists_(kLanes) {}

  void append(std::int64_t b, std::vector<std::uint8_t>& stream) {
    const auto lanes = static_cast<std::size_t>(out_.lanes_a_row());
    for (int i = 0; i < out_.rows_in_bundle; ++i) {
      deal(out_.row_order[static_cast<std::size_t>(b * out_.rows_in_bundle + i)],
           std::span(lists_).subspan(static_cast<std::size_t>(i) * lanes, lanes));
    }
    std::size_t length = 0;
    for (int lane = 0; lane < kLanes; ++lane) {
      const LaneList& list = lists_[static_cast<std::size_t>(lane)];
      out_.starts[static_cast<std::size_t>(b * kLanes + lane)] = static_cast<std::int16_t>(list.start());
      length = std::max(length, list.size());
    }
    out_.lengths[static_cast<std::size_t>(b)] = static_cast<std::uint16_t>(length);
    const std::size_t at = stream.size();
    stream.resize(at + length * BlockBundles::kStepBytes);
    for (int lane = 0; lane < kLanes; ++lane) {
      lists_[static_cast<std::size_t>(lane)].write(lane, stream.data() + at);
    }
  }

 private:
  // A row's stored blocks, to its lanes in turns: at a time they read neighbouring blocks of the input, which lie in
  // different banks.
  void deal(std::uint32_t row, std::span<LaneList> lanes) const {
    for (LaneList& lane : lanes) lane.clear();
    if (row == BlockBundles::kNoRow) return;
    const std::uint64_t* bits = rows_.row_bitmap(row);
    const std::byte* value = rows_.row_values(row);
    std::size_t turn = 0;
    for (std::int64_t w = 0; w < rows_.bitmap_words(); ++w) {
      for (std::uint64_t left = bits[w]; left != 0; left &= left - 1, value += kValueBytes) {
        lanes[turn].add(static_cast<int>(w * 64) + std::countr_zero(left), value);
        turn = turn + 1 == lanes.size() ? 0 : turn + 1;
      }
    }
  }

  const BlockRows& rows_;
  BlockBundles& out_;
  std::vector<LaneList> lists_;
};

using StreamBytes = std::vector<std::vector<std::uint8_t>>;

StreamBytes write_streams(const BlockRows& rows, BlockBundles& out) {
  StreamBytes streams(out.streams.size());
  parallel_for(out.n_streams(), kStreamsPerThread, [&](std::int64_t begin, std::int64_t end) {
    BundleWriter writer(rows, out);
    for (auto s = begin; s < end; ++s) {
      for (auto b = s; b < out.n_bundles(); b += out.n_streams())
        writer.append(b, streams[static_cast<std::size_t>(s)]);
    }
  });
  return streams;
}

void place_streams(const StreamBytes& streams, BlockBundles& out) {
  std::size_t step = 0;
  for (std::size_t s = 0; s < streams.size(); ++s) {
    const std::size_t n = streams[s].size() / BlockBundles::kStepBytes;
    out.streams[s] = {static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(n)};
    step += n;
  }
  out.steps = AlignedBuffer<std::uint8_t>::zeroed(std::max<std::size_t>(step, 1) * BlockBundles::kStepBytes);
  for (std::size_t s = 0; s < streams.size(); ++s) {
    std::copy(streams[s].begin(), streams[s].end(),
              out.steps.data() + std::size_t{out.streams[s].first} * BlockBundles::kStepBytes);
  }
}

void expand_lane(const BlockBundles& packed, const std::uint8_t* steps, std::size_t bundle, int lane,
                 MatrixView<std::uint16_t> w) {
  const auto place =
      bundle * static_cast<std::size_t>(packed.rows_in_bundle) + static_cast<std::size_t>(lane / packed.lanes_a_row());
  const std::uint32_t row = packed.row_order[place];
  if (row == BlockBundles::kNoRow) return;
  int block = packed.starts[bundle * kLanes + static_cast<std::size_t>(lane)];
  for (int k = 0; k < packed.lengths[bundle]; ++k, steps += BlockBundles::kStepBytes) {
    const int gap = steps[kLanes * kValueBytes + static_cast<std::size_t>(lane)];
    block += std::min(gap, BlockBundles::kMostGap);
    if (gap == 0 || gap == BlockBundles::kMoves) continue;
    std::memcpy(w.row(row) + block * kBlockFeatures, steps + static_cast<std::size_t>(lane) * kValueBytes, kValueBytes);
  }
}

}  // namespace

std::size_t BlockBundles::bytes() const { return steps.size() + starts.size() * 2 + table_bytes(); }

BlockBundles make_block_bundles(const BlockRows& rows, int multiprocessors) {
  check(rows, multiprocessors);
  BlockBundles out;
  out.dtype = rows.dtype;
  out.rows = rows.rows;
  out.blocks = rows.blocks;
  out.multiprocessors = multiprocessors;
  out.row_order = order_rows(rows);
  const Layout layout = choose_layout(rows, out.row_order, multiprocessors);
  out.rows_in_bundle = layout.rows_in_bundle;
  const std::int64_t bundles = out.n_bundles();
  out.row_order.resize(static_cast<std::size_t>(bundles * out.rows_in_bundle), BlockBundles::kNoRow);
  out.lengths.resize(static_cast<std::size_t>(bundles));
  out.starts.resize(static_cast<std::size_t>(bundles) * kLanes);
  out.streams.resize(static_cast<std::size_t>(std::min(bundles, std::int64_t{layout.warps} * multiprocessors)));
  place_streams(write_streams(rows, out), out);
  return out;
}

void expand_block_bundles(const BlockBundles& packed, MatrixView<std::uint16_t> w) {
  for (std::int64_t r = 0; r < w.rows; ++r) std::fill_n(w.row(r), w.cols, std::uint16_t{0});
  for (std::size_t s = 0; s < packed.streams.size(); ++s) {
    const std::uint8_t* steps = packed.steps.data() + std::size_t{packed.streams[s].first} * BlockBundles::kStepBytes;
    for (std::size_t b = s; b < packed.lengths.size(); b += packed.streams.size()) {
      for (int lane = 0; lane < kLanes; ++lane) expand_lane(packed, steps, b, lane, w);
      steps += std::size_t{packed.lengths[b]} * BlockBundles::kStepBytes;
    }
  }
}

}  // namespace lacuna::kernels
