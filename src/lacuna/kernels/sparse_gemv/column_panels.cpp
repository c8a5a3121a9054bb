#include "lacuna/kernels/sparse_gemv/column_panels.hpp"

#include <algorithm>

#include "lacuna/kernels/transpose/transpose.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kRowUnit = 32;

template <typename T>
void transpose_panel(const std::byte* w, std::int64_t rows, std::int64_t cols, std::byte* out) {
  transpose(MatrixView<const T>(reinterpret_cast<const T*>(w), rows, cols),
            MatrixView<T>(reinterpret_cast<T*>(out), cols, rows));
}

}  // namespace

ColumnPanels::ColumnPanels(DType dtype, const std::byte* w, std::int64_t rows, std::int64_t cols, int threads)
    : dtype_(dtype), rows_(rows), cols_(cols) {
  const std::int64_t panels = std::clamp<std::int64_t>(rows / kFewestRows, 1, std::max(threads, 1));
  panel_rows_ = (rows + panels * kRowUnit - 1) / (panels * kRowUnit) * kRowUnit;
  const auto width = static_cast<std::int64_t>(dtype_bytes(dtype));
  data_ = AlignedBuffer<std::byte>(static_cast<std::size_t>(rows * cols * width));
  for (std::int64_t first = 0; first < rows; first += panel_rows_) {
    const std::int64_t count = std::min(panel_rows_, rows - first);
    const std::int64_t offset = first * cols * width;
    if (width == 2) {
      transpose_panel<std::uint16_t>(w + offset, count, cols, data_.data() + offset);
    } else {
      transpose_panel<std::uint32_t>(w + offset, count, cols, data_.data() + offset);
    }
  }
}

void ColumnPanels::append(float threshold, const float* bias, MatrixView<float> y, bool accumulate,
                          std::vector<Part>& parts) const {
  const auto width = static_cast<std::int64_t>(dtype_bytes(dtype_));
  for (std::int64_t first = 0; first < rows_; first += panel_rows_) {
    const std::int64_t count = std::min(panel_rows_, rows_ - first);
    Part part;
    part.place = (static_cast<double>(first) + 0.5 * static_cast<double>(count)) / static_cast<double>(rows_);
    part.product.w = {dtype_, data_.data() + first * cols_ * width, count, cols_, count};
    part.product.threshold = threshold;
    part.product.bias = bias == nullptr ? nullptr : bias + first;
    part.product.y = y.block(0, y.rows, first, count);
    part.product.accumulate = accumulate;
    parts.push_back(part);
  }
}

void sparse_gemv(MatrixView<const float> x, std::vector<ColumnPanels::Part>& parts) {
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.place < b.place; });
  std::vector<ColumnProduct> products;
  products.reserve(parts.size());
  for (const auto& part : parts) products.push_back(part.product);
  sparse_gemv(x, products);
}

}  // namespace lacuna::kernels
