#include "lacuna/kernels/packed_gemv/sliced_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/compress/compress.hpp"
#include "lacuna/kernels/convert/convert.hpp"
#include "lacuna/kernels/packed_gemv/slice_blocks.hpp"

namespace lacuna::kernels {
namespace {

constexpr auto kLanes = static_cast<std::size_t>(SlicedRows::kLanes);
constexpr auto kSteps = static_cast<std::size_t>(SlicedRows::kSteps);
constexpr std::int32_t kPassed = std::numeric_limits<std::int32_t>::max();  // the column behind a row's last

// A row's columns and values, followed by as many empty places as one block takes.
template <typename Bits>
struct LaneEntries {
  explicit LaneEntries(std::int64_t cols)
      : columns(static_cast<std::size_t>(cols) + kSteps), values(static_cast<std::size_t>(cols) + kSteps) {}

  std::vector<std::int32_t> columns;
  std::vector<Bits> values;

  void read(const PackedRows& w, std::int32_t row) {
    std::size_t n = 0;
    if (row >= 0) {
      const std::uint8_t* bitmap = w.row_bitmap(row);
      for (std::int64_t byte = 0; byte < w.row_bytes(); byte += 8) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, bitmap + byte, static_cast<std::size_t>(std::min<std::int64_t>(8, w.row_bytes() - byte)));
        for (; bits != 0; bits &= bits - 1) {
          columns[n++] = static_cast<std::int32_t>(byte * 8) + __builtin_ctzll(bits);
        }
      }
      if (n != 0) std::memcpy(values.data(), w.values + w.row_starts[row] * sizeof(Bits), n * sizeof(Bits));
    }
    for (std::size_t i = 0; i < kSteps; ++i) {
      columns[n + i] = kPassed;
      values[n + i] = 0;
    }
  }
};

// Some slices, one after the other; memory behind `n` blocks may be there already.
struct SliceRun {
  std::size_t n = 0;
  AlignedBuffer<std::byte> blocks;
  AlignedBuffer<std::uint16_t> windows;

  std::size_t room() const { return windows.size() - n; }
  void grow(std::size_t room, std::size_t block_bytes) {
    AlignedBuffer<std::byte> more_blocks((n + room) * block_bytes);
    AlignedBuffer<std::uint16_t> more_windows(n + room);
    std::copy_n(blocks.begin(), n * block_bytes, more_blocks.begin());
    std::copy_n(windows.begin(), n, more_windows.begin());
    blocks = std::move(more_blocks);
    windows = std::move(more_windows);
  }
  // Room for one more at least.
  void make_room(std::size_t block_bytes) {
    if (room() == 0) grow(n / 2 + 64, block_bytes);
  }
};

template <typename Bits>
class Slicer {
 public:
  explicit Slicer(const SlicedRows& w) : w_(w), lanes_(kLanes, LaneEntries<Bits>(w.source.cols)) {}

  // Appends a slice; returns its blocks.
  std::uint64_t append(std::int64_t slice, SliceRun& run) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      lanes_[lane].read(w_.source, w_.row_of[static_cast<std::size_t>(slice) * kLanes + lane]);
    }
    std::array<std::size_t, kLanes> next{};
    std::uint64_t blocks = 0;
    while (true) {
      std::int32_t first = kPassed;
      for (std::size_t lane = 0; lane < kLanes; ++lane) first = std::min(first, lanes_[lane].columns[next[lane]]);
      if (first == kPassed) return blocks;
      constexpr auto kUnit = static_cast<std::int32_t>(SlicedRows::kWindowUnit);
      run.make_room(w_.block_bytes());
      run.windows[run.n] = static_cast<std::uint16_t>(first / kUnit);
      fill_block(first / kUnit * kUnit, next, run.blocks.data() + run.n * w_.block_bytes());
      ++run.n;
      ++blocks;
    }
  }

 private:
  void fill_block(std::int32_t window, std::array<std::size_t, kLanes>& next, std::byte* block) {
    Bits values[kSteps * kLanes];
    std::uint8_t places[kSteps * kLanes];
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::int32_t* columns = lanes_[lane].columns.data() + next[lane];
      const Bits* from = lanes_[lane].values.data() + next[lane];
      for (std::size_t step = 0; step < kSteps; ++step) {  // without a branch: columns ascend
        const bool taken = columns[step] - window < SlicedRows::kWindow;
        values[step * kLanes + lane] = taken ? from[step] : Bits{0};
        places[step * kLanes + lane] = static_cast<std::uint8_t>(taken ? columns[step] - window : 0);
        next[lane] += static_cast<std::size_t>(taken);
      }
    }
    std::memcpy(block, values, sizeof(values));
    std::memcpy(block + sizeof(values), places, sizeof(places));
  }

  const SlicedRows& w_;
  std::vector<LaneEntries<Bits>> lanes_;
};

// The same for 16-bit elements, all lanes at once (slice_blocks.hpp).
class LaneSlicer {
 public:
  explicit LaneSlicer(const SlicedRows& w)
      : w_(w), stride_(w.source.cols + kSurplus), columns_(kLanes * static_cast<std::size_t>(stride_)) {}

  std::uint64_t append(std::int64_t slice, SliceRun& run) {
    SliceLanes lanes;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      read(lane, w_.row_of[static_cast<std::size_t>(slice) * kLanes + lane], lanes);
    }
    const std::size_t before = run.n;
    while (true) {
      run.make_room(w_.block_bytes());
      const auto room = static_cast<std::int64_t>(run.room());
      const std::int64_t n =
          fill_blocks(lanes, room, run.blocks.data() + run.n * w_.block_bytes(), run.windows.data() + run.n);
      run.n += static_cast<std::size_t>(n);
      if (n < room) return run.n - before;
    }
  }

 private:
  void read(std::size_t lane, std::int32_t row, SliceLanes& lanes) {
    std::uint16_t* columns = columns_.data() + static_cast<std::int64_t>(lane) * stride_;
    lanes.columns[lane] = columns;
    lanes.values[lane] = kNone;
    std::int64_t n = 0;
    if (row >= 0) {
      n = list_ones(w_.source.row_bitmap(row), w_.source.cols, columns);
      if (n != 0) lanes.values[lane] = values(lane, row, static_cast<std::size_t>(n));
    }
    std::fill_n(columns + n, kSteps, SliceLanes::kPassed);
  }

  // Where they lie, or a copy where the array ends too soon behind them.
  const std::byte* values(std::size_t lane, std::int32_t row, std::size_t n) {
    const std::byte* there = w_.source.values + w_.source.row_starts[row] * 2;
    if (w_.source.row_starts[row] + n + kSteps <= w_.source.row_starts[w_.source.rows]) return there;
    std::vector<std::byte>& copy = copies_[lane];
    copy.assign(there, there + n * 2);
    copy.resize((n + kSteps) * 2);
    return copy.data();
  }

  static constexpr std::byte kNone[kSteps * 2] = {};

  const SlicedRows& w_;
  std::int64_t stride_;
  AlignedBuffer<std::uint16_t> columns_;
  std::array<std::vector<std::byte>, kLanes> copies_;
};

// Fills starts[s + 1] with the blocks of slice s.
SliceRun make_run(SlicedRows& w, std::int64_t begin, std::int64_t end) {
  SliceRun run;
  const auto append = [&](auto slicer) {
    for (auto s = begin; s < end; ++s) w.starts[static_cast<std::size_t>(s) + 1] = slicer.append(s, run);
  };
  // Half as many places again as there are values; blocks are rarely emptier than that.
  std::uint64_t values = 0;
  for (auto i = static_cast<std::size_t>(begin) * kLanes; i < static_cast<std::size_t>(end) * kLanes; ++i) {
    if (w.row_of[i] >= 0) values += w.source.row_count(w.row_of[i]);
  }
  run.grow(values * 3 / 2 / (kSteps * kLanes) + 64, w.block_bytes());
  if (dtype_bytes(w.source.dtype) != 2) {
    append(Slicer<std::uint32_t>(w));
  } else if (has_fill_blocks() && w.source.cols <= SliceLanes::kMostCols) {
    append(LaneSlicer(w));
  } else {
    append(Slicer<std::uint16_t>(w));
  }
  return run;
}

// Rows by their number of values, ties in their order; the last slice is filled up with none.
std::vector<std::int32_t> sorted_rows(const PackedRows& w) {
  const std::int64_t lanes = (w.rows + SlicedRows::kLanes - 1) / SlicedRows::kLanes * SlicedRows::kLanes;
  std::vector<std::int32_t> rows(static_cast<std::size_t>(lanes), -1);
  const auto end = rows.begin() + w.rows;
  std::iota(rows.begin(), end, 0);
  std::stable_sort(rows.begin(), end, [&](std::int32_t a, std::int32_t b) { return w.row_count(a) < w.row_count(b); });
  return rows;
}

}  // namespace

SlicedRows make_sliced_rows(const PackedRows& source) {
  LACUNA_ASSERT(source.cols <= SlicedRows::kMostCols);
  SlicedRows w;
  w.source = source;
  w.row_of = sorted_rows(source);
  const auto slices = static_cast<std::int64_t>(w.row_of.size() / kLanes);
  w.starts.resize(static_cast<std::size_t>(slices) + 1);
  const std::int64_t parts = std::clamp<std::int64_t>(slices, 1, thread_count());
  std::vector<SliceRun> runs(static_cast<std::size_t>(parts));
  parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto p = begin; p < end; ++p) {
      runs[static_cast<std::size_t>(p)] = make_run(w, slices * p / parts, slices * (p + 1) / parts);
    }
  });
  std::partial_sum(w.starts.begin(), w.starts.end(), w.starts.begin());
  w.blocks = AlignedBuffer<std::byte>(w.starts.back() * w.block_bytes());
  w.windows = AlignedBuffer<std::uint16_t>(w.starts.back());
  parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto p = begin; p < end; ++p) {
      const SliceRun& run = runs[static_cast<std::size_t>(p)];
      const std::uint64_t first = w.starts[static_cast<std::size_t>(slices * p / parts)];
      std::copy_n(run.blocks.begin(), run.n * w.block_bytes(), w.blocks.begin() + first * w.block_bytes());
      std::copy_n(run.windows.begin(), run.n, w.windows.begin() + first);
    }
  });
  return w;
}

namespace scalar {

void sliced_gemv(const SlicedRows& w, const float* x, float* y, float alpha, float beta) {
  const std::size_t width = dtype_bytes(w.source.dtype);
  for (std::int64_t s = 0; s < w.slices(); ++s) {
    float sums[kSteps][kLanes] = {};
    for (auto b = w.starts[static_cast<std::size_t>(s)]; b < w.starts[static_cast<std::size_t>(s) + 1]; ++b) {
      const std::byte* values = w.blocks.data() + b * w.block_bytes();
      const std::byte* places = values + kSteps * kLanes * width;
      for (std::size_t i = 0; i < kSteps * kLanes; ++i) {
        float value = 0.0F;
        to_f32(w.source.dtype, values + i * width, 1, &value);
        const std::int64_t c = w.windows[b] * SlicedRows::kWindowUnit + static_cast<std::int64_t>(places[i]);
        float& sum = sums[i / kLanes][i % kLanes];
        sum = std::fma(value, c < w.source.cols ? x[c] : 0.0F, sum);
      }
    }
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::int32_t row = w.row_of[static_cast<std::size_t>(s) * kLanes + lane];
      if (row < 0) continue;
      const float scaled = alpha * ((sums[0][lane] + sums[1][lane]) + (sums[2][lane] + sums[3][lane]));
      y[row] = beta == 0.0F ? scaled : std::fma(beta, y[row], scaled);
    }
  }
}

}  // namespace scalar
}  // namespace lacuna::kernels
