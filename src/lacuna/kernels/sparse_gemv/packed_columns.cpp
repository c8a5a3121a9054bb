#include "lacuna/kernels/sparse_gemv/packed_columns.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/sparse_gemv/column_packer.hpp"
#include "lacuna/kernels/sparse_gemv/column_panels.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kRowUnit = 64;  // a word of the bitmap

// One panel a thread, or as many more for each as their height needs.
std::int64_t height_of_panels(std::int64_t rows, int threads) {
  const std::int64_t most = std::max(threads, 1);
  std::int64_t panels = std::clamp<std::int64_t>(rows / ColumnPanels::kFewestRows, 1, most);
  const std::int64_t needed = (rows + PackedColumns::kMostRows - 1) / PackedColumns::kMostRows;
  if (panels < needed) panels = (needed + most - 1) / most * most;
  return (rows + panels * kRowUnit - 1) / (panels * kRowUnit) * kRowUnit;
}

}  // namespace

PackedColumns::PackedColumns(DType dtype, std::int64_t rows, std::int64_t cols, int threads)
    : dtype_(dtype), rows_(rows), cols_(cols), panel_rows_(height_of_panels(rows, threads)) {
  LACUNA_ASSERT(dtype_bytes(dtype) == 2);
}

PackedColumns::PackedColumns(const PackedRows& packed, int threads)
    : PackedColumns(packed.dtype, packed.rows, packed.cols, threads) {
  make_panels([&](std::int64_t first, std::int64_t count) {
    std::vector<std::uint64_t> next(packed.row_starts + first, packed.row_starts + first + count);
    AlignedBuffer<std::uint16_t> dense(ColumnPacker::kTile * ColumnPacker::kMostStrip);
    const std::uint64_t stored = packed.row_starts[first + count] - packed.row_starts[first];
    return make_panel(count, stored, [&](std::int64_t row, std::int64_t n_rows, std::int64_t col, std::int64_t n_cols) {
      expand_strip(packed, first + row, n_rows, col, n_cols, next.data() + row,
                   reinterpret_cast<std::byte*>(dense.data()), n_cols);
      return MatrixView<const std::uint16_t>(dense.data(), n_rows, n_cols);
    });
  });
}

PackedColumns::PackedColumns(DType dtype, const std::byte* w, std::int64_t rows, std::int64_t cols, int threads)
    : PackedColumns(dtype, rows, cols, threads) {
  const MatrixView<const std::uint16_t> dense(reinterpret_cast<const std::uint16_t*>(w), rows, cols);
  make_panels([&](std::int64_t first, std::int64_t count) {
    const std::uint16_t* elements = dense.row(first);
    std::uint64_t stored = 0;
    for (std::int64_t i = 0; i < count * cols; ++i) stored += static_cast<std::uint64_t>(elements[i] != 0);
    return make_panel(count, stored, [&](std::int64_t row, std::int64_t n_rows, std::int64_t col, std::int64_t n_cols) {
      return dense.block(first + row, n_rows, col, n_cols);
    });
  });
}

template <typename Make>
void PackedColumns::make_panels(Make make) {
  panels_.resize(static_cast<std::size_t>((rows_ + panel_rows_ - 1) / panel_rows_));
  parallel_for(static_cast<std::int64_t>(panels_.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto p = begin; p < end; ++p) {
      panels_[static_cast<std::size_t>(p)] = make(p * panel_rows_, std::min(panel_rows_, rows_ - p * panel_rows_));
    }
  });
}

template <typename TileAt>
PackedColumns::Panel PackedColumns::make_panel(std::int64_t rows, std::uint64_t stored, TileAt tile_at) const {
  ColumnPacker packer(rows, cols_, stored);
  for (std::int64_t col = 0; col < cols_; col += packer.strip_cols()) {
    const std::int64_t n_cols = std::min(packer.strip_cols(), cols_ - col);
    for (std::int64_t row = 0; row < rows; row += ColumnPacker::kTile) {
      packer.add(row, tile_at(row, std::min(ColumnPacker::kTile, rows - row), col, n_cols));
    }
    packer.write_strip(col, n_cols);
  }
  Panel panel;
  packer.finish(panel.data, panel.starts);
  return panel;
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
