#include <bit>
#include <type_traits>

#include "lacuna/kernels/similarity/similarity.hpp"

namespace lacuna::kernels {
namespace {

// On the bits, so that a denormal counts even where the processor is set to read denormals as zero.
template <typename T>
bool is_nonzero(T value) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  return (std::bit_cast<Bits>(value) << 1U) != 0;
}

template <typename T>
void columns(const T* a, std::int64_t a_stride, const T* b, std::int64_t b_stride, std::int64_t rows, std::int64_t cols,
             const ColumnSums& sums) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* a_row = a + r * a_stride;
    const T* b_row = b + r * b_stride;
    for (std::int64_t c = 0; c < cols; ++c) {
      const bool in_a = is_nonzero(a_row[c]);
      const bool in_b = is_nonzero(b_row[c]);
      sums.a_nonzero[c] += static_cast<std::uint32_t>(in_a);
      sums.b_nonzero[c] += static_cast<std::uint32_t>(in_b);
      sums.both[c] += static_cast<std::uint32_t>(in_a && in_b);
      const double x = a_row[c];
      const double y = b_row[c];
      sums.dot[c] += x * y;
      sums.aa[c] += x * x;
      sums.bb[c] += y * y;
    }
  }
}

template <typename T>
void row(const T* a, const T* b, std::int64_t n, RowSums& sums) {
  for (std::int64_t i = 0; i < n; ++i) {
    const auto lane = static_cast<std::size_t>(i % RowSums::kLanes);
    const bool in_a = is_nonzero(a[i]);
    const bool in_b = is_nonzero(b[i]);
    sums.a_nonzero += static_cast<std::uint64_t>(in_a);
    sums.b_nonzero += static_cast<std::uint64_t>(in_b);
    sums.both += static_cast<std::uint64_t>(in_a && in_b);
    const double x = a[i];
    const double y = b[i];
    sums.dot[lane] += x * y;
    sums.aa[lane] += x * x;
    sums.bb[lane] += y * y;
  }
}

}  // namespace

double reduce_lanes(std::array<double, RowSums::kLanes> lanes) {
  for (std::size_t width = lanes.size() / 2; width > 0; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}

namespace scalar {

void similarity_columns(const float* a, std::int64_t a_stride, const float* b, std::int64_t b_stride, std::int64_t rows,
                        std::int64_t cols, const ColumnSums& sums) {
  columns(a, a_stride, b, b_stride, rows, cols, sums);
}

void similarity_columns(const double* a, std::int64_t a_stride, const double* b, std::int64_t b_stride,
                        std::int64_t rows, std::int64_t cols, const ColumnSums& sums) {
  columns(a, a_stride, b, b_stride, rows, cols, sums);
}

void similarity_row(const float* a, const float* b, std::int64_t n, RowSums& sums) { row(a, b, n, sums); }

void similarity_row(const double* a, const double* b, std::int64_t n, RowSums& sums) { row(a, b, n, sums); }

}  // namespace scalar
}  // namespace lacuna::kernels
