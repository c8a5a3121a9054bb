#include "lacuna/cluster/point_gram.hpp"

#include <fmt/format.h>

#include <cmath>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/hamming/hamming.hpp"

namespace lacuna {
namespace {

Matrix<double> square(std::int64_t n) {
  if (n > PointGram::kMaxPoints) {
    throw Error(ErrorCode::limit_exceeded,
                fmt::format("clustering: expected at most {} points, got {}", PointGram::kMaxPoints, n));
  }
  return Matrix<double>(n, n);
}

void mirror(Matrix<double>& products) {
  for (std::int64_t i = 0; i < products.rows(); ++i) {
    for (std::int64_t j = 0; j < i; ++j) products(i, j) = products(j, i);
  }
}

// Eight interleaved sums, added in one order: the compiler may use vectors, and the result does not depend on it.
double dot(const float* a, const float* b, std::int64_t n) {
  double sums[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int lane = 0; lane < 8; ++lane)
      sums[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
  }
  for (; i < n; ++i) sums[0] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

}  // namespace

PointGram PointGram::of_patterns(const BitMatrix& points) {
  const std::int64_t n = points.rows();
  Matrix<double> products = square(n);
  const std::int64_t words = points.row_words();
  const std::int64_t panels = kernels::panel_count(n);
  const std::int64_t panel_words = kernels::kPanelRows * words;
  AlignedBuffer<std::uint64_t> interleaved(static_cast<std::size_t>(panels * panel_words));
  if (n > 0) kernels::interleave_rows(points.row(0), n, words, words, interleaved.data());
  constexpr std::int64_t kPanelsPerTask = 4;
  parallel_for(panels, kPanelsPerTask, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t stride = panels * kernels::kPanelRows;
    AlignedBuffer<std::uint32_t> both(static_cast<std::size_t>(kernels::kPanelRows * stride));
    for (auto p = begin; p < end; ++p) {
      kernels::and_counts(interleaved.data() + p * panel_words, 1, interleaved.data() + p * panel_words, panels - p,
                          words, both.data(), stride);
      const std::int64_t first = p * kernels::kPanelRows;
      for (std::int64_t i = first; i < std::min(n, first + kernels::kPanelRows); ++i) {
        const std::uint32_t* counts = both.data() + (i - first) * stride;
        for (std::int64_t j = first; j < n; ++j) products(i, j) = counts[j - first];
      }
    }
  });
  mirror(products);
  return {std::move(products), points.cols()};
}

PointGram PointGram::of_rows(MatrixView<const float> points) {
  Matrix<double> products = square(points.rows);
  parallel_for(points.rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      for (std::int64_t j = i; j < points.rows; ++j) products(i, j) = dot(points.row(i), points.row(j), points.cols);
    }
  });
  for (std::int64_t i = 0; i < points.rows; ++i) {
    if (!std::isfinite(products(i, i))) {
      throw Error(ErrorCode::not_finite, fmt::format("clustering: point {} holds NaN or infinity", i));
    }
  }
  mirror(products);
  return {std::move(products), points.cols};
}

}  // namespace lacuna
