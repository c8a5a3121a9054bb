#include "lacuna/kernels/sparse_gemv/packed_columns.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/pack/pack.hpp"
#include "lacuna/kernels/sparse_gemv/column_panels.hpp"
#include "lacuna/kernels/transpose/transpose.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kRowUnit = 64;  // a word of the bitmap
constexpr std::size_t kReadable = 128;
constexpr std::int64_t kColumnsPerThread = 64;

// One panel a thread, or as many more for each as their height needs.
std::int64_t height_of_panels(std::int64_t rows, int threads) {
  const std::int64_t most = std::max(threads, 1);
  std::int64_t panels = std::clamp<std::int64_t>(rows / ColumnPanels::kFewestRows, 1, most);
  const std::int64_t needed = (rows + PackedColumns::kMostRows - 1) / PackedColumns::kMostRows;
  if (panels < needed) panels = (needed + most - 1) / most * most;
  return (rows + panels * kRowUnit - 1) / (panels * kRowUnit) * kRowUnit;
}

// The elements of a column whose bits are set.
void write_values(const std::uint16_t* column, const std::uint64_t* words, std::int64_t n_words, std::byte* out) {
  for (std::int64_t i = 0; i < n_words; ++i) {
    for (std::uint64_t left = words[i]; left != 0; left &= left - 1) {
      std::memcpy(out, column + 64 * i + std::countr_zero(left), 2);
      out += 2;
    }
  }
}

}  // namespace

PackedColumns::PackedColumns(DType dtype, std::int64_t rows, std::int64_t cols, int threads)
    : dtype_(dtype), rows_(rows), cols_(cols), panel_rows_(height_of_panels(rows, threads)) {
  LACUNA_ASSERT(dtype_bytes(dtype) == 2);
}

PackedColumns::PackedColumns(const PackedRows& packed, int threads)
    : PackedColumns(packed.dtype, packed.rows, packed.cols, threads) {
  AlignedBuffer<std::byte> dense(static_cast<std::size_t>(std::min(panel_rows_, rows_) * cols_ * 2));
  for (std::int64_t first = 0; first < rows_; first += panel_rows_) {
    const std::int64_t count = std::min(panel_rows_, rows_ - first);
    expand_rows(packed, first, count, dense.data());
    add_panel(dense.data(), count);
  }
}

PackedColumns::PackedColumns(DType dtype, const std::byte* w, std::int64_t rows, std::int64_t cols, int threads)
    : PackedColumns(dtype, rows, cols, threads) {
  for (std::int64_t first = 0; first < rows_; first += panel_rows_) {
    add_panel(w + first * cols_ * 2, std::min(panel_rows_, rows_ - first));
  }
}

void PackedColumns::add_panel(const std::byte* w, std::int64_t rows) {
  AlignedBuffer<std::uint16_t> columns(static_cast<std::size_t>(rows * cols_));
  transpose(MatrixView<const std::uint16_t>(reinterpret_cast<const std::uint16_t*>(w), rows, cols_),
            MatrixView<std::uint16_t>(columns.data(), cols_, rows));
  const std::int64_t n_words = (rows + 63) / 64;
  AlignedBuffer<std::uint64_t> bitmaps(static_cast<std::size_t>(n_words * cols_));
  Panel panel;
  panel.starts.assign(static_cast<std::size_t>(cols_) + 1, 0);
  parallel_for(cols_, kColumnsPerThread, [&](std::int64_t begin, std::int64_t end) {
    for (auto j = begin; j < end; ++j) {
      std::uint64_t* words = bitmaps.data() + j * n_words;
      // As integers: −0.0 is stored.
      pack_nonzero(DType::u16, reinterpret_cast<const std::byte*>(columns.data() + j * rows), rows, words);
      std::uint64_t count = 0;
      for (std::int64_t i = 0; i < n_words; ++i) count += static_cast<std::uint64_t>(std::popcount(words[i]));
      panel.starts[static_cast<std::size_t>(j) + 1] = static_cast<std::uint64_t>(n_words) * 8 + count * 2;
    }
  });
  for (std::size_t j = 1; j < panel.starts.size(); ++j) panel.starts[j] += panel.starts[j - 1];
  panel.data = AlignedBuffer<std::byte>(panel.starts.back() + kReadable);
  std::memset(panel.data.data() + panel.starts.back(), 0, kReadable);
  parallel_for(cols_, kColumnsPerThread, [&](std::int64_t begin, std::int64_t end) {
    for (auto j = begin; j < end; ++j) {
      const std::uint64_t* words = bitmaps.data() + j * n_words;
      std::byte* out = panel.data.data() + panel.starts[static_cast<std::size_t>(j)];
      std::memcpy(out, words, static_cast<std::size_t>(n_words) * 8);
      write_values(columns.data() + j * rows, words, n_words, out + n_words * 8);
    }
  });
  panels_.push_back(std::move(panel));
}

std::size_t PackedColumns::bytes() const {
  std::size_t bytes = 0;
  for (const Panel& panel : panels_) bytes += panel.data.size() + panel.starts.size() * sizeof(std::uint64_t);
  return bytes;
}

void PackedColumns::append(float threshold, const float* bias, MatrixView<float> y, bool accumulate,
                           std::vector<Part>& parts) const {
  std::int64_t first = 0;
  for (const Panel& panel : panels_) {
    const std::int64_t count = std::min(panel_rows_, rows_ - first);
    Part part;
    part.place = (static_cast<double>(first) + 0.5 * static_cast<double>(count)) / static_cast<double>(rows_);
    part.w = {dtype_, count, cols_, panel.data.data(), panel.starts.data()};
    part.threshold = threshold;
    part.bias = bias == nullptr ? nullptr : bias + first;
    part.y = y.block(0, y.rows, first, count);
    part.accumulate = accumulate;
    parts.push_back(part);
    first += count;
  }
}

namespace scalar {
namespace {

// sums += column · x, zeros included.
void add_column(const PackedPanel& w, std::int64_t j, float x, std::vector<float>& sums) {
  const std::byte* bitmap = w.data + w.starts[j];
  const std::byte* values = bitmap + w.words() * 8;
  for (std::int64_t i = 0; i < w.rows; ++i) {
    std::uint16_t bits = 0;
    if ((static_cast<unsigned>(bitmap[i / 8]) >> (i % 8) & 1U) != 0) {
      std::memcpy(&bits, values, 2);
      values += 2;
    }
    const float value = w.dtype == DType::f16 ? f16_to_f32(bits) : bf16_to_f32(bits);
    float& sum = sums[static_cast<std::size_t>(i)];
    sum = std::fma(value, x, sum);
  }
}

}  // namespace

void packed_columns_gemv(MatrixView<const float> x, const std::vector<PackedColumns::Part>& parts) {
  for (const auto& part : parts) {
    for (std::int64_t b = 0; b < x.rows; ++b) {
      std::vector<float> sums(static_cast<std::size_t>(part.w.rows));
      for (std::int64_t j = 0; j < x.cols; ++j) {
        if (!(std::fabs(x(b, j)) <= part.threshold)) add_column(part.w, j, x(b, j), sums);
      }
      float* y = part.y.row(b);
      for (std::int64_t i = 0; i < part.w.rows; ++i) {
        float value = sums[static_cast<std::size_t>(i)];
        if (part.bias != nullptr) value += part.bias[i];
        y[i] = part.accumulate ? y[i] + value : value;
      }
    }
  }
}

}  // namespace scalar
}  // namespace lacuna::kernels
