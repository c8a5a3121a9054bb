#include "lacuna/kernels/packed_gemv/sliced_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/convert/convert.hpp"

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

// Some slices, one after the other.
struct SliceRun {
  std::vector<std::byte> blocks;
  std::vector<std::uint16_t> windows;
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
      run.windows.push_back(static_cast<std::uint16_t>(first / kUnit));
      run.blocks.resize(run.blocks.size() + w_.block_bytes());
      fill_block(first / kUnit * kUnit, next, run.blocks.data() + run.blocks.size() - w_.block_bytes());
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

// Fills starts[s + 1] with the blocks of slice s.
SliceRun make_run(SlicedRows& w, std::int64_t begin, std::int64_t end) {
  SliceRun run;
  const auto append = [&](auto slicer) {
    for (auto s = begin; s < end; ++s) w.starts[static_cast<std::size_t>(s) + 1] = slicer.append(s, run);
  };
  if (dtype_bytes(w.source.dtype) == 2) {
    append(Slicer<std::uint16_t>(w));
  } else {
    append(Slicer<std::uint32_t>(w));
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
      std::copy(run.blocks.begin(), run.blocks.end(), w.blocks.begin() + first * w.block_bytes());
      std::copy(run.windows.begin(), run.windows.end(), w.windows.begin() + first);
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
