#include "lacuna/prune/gram_energy.hpp"

#include <algorithm>
#include <vector>

#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/gemm/gemm.hpp"

namespace lacuna::prune {
namespace {

constexpr std::int64_t kBlock = 512;

// Σ a∘b, rows summed in order whatever the threads.
double inner_product(MatrixView<const float> a, MatrixView<const float> b) {
  std::vector<double> of_row(static_cast<std::size_t>(a.rows));
  parallel_for(a.rows, 64, [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      double sum = 0.0;
      for (std::int64_t c = 0; c < a.cols; ++c) sum += static_cast<double>(a(r, c)) * static_cast<double>(b(r, c));
      of_row[static_cast<std::size_t>(r)] = sum;
    }
  });
  double sum = 0.0;
  for (const double row : of_row) sum += row;
  return sum;
}

// The diagonal block of S that starts at `first`, halved on its diagonal, zero below it: with it in place of the upper
// triangle, M·S·Mᵀ is twice the sum over blocks.
Matrix<float> halved_diagonal_block(MatrixView<const float> s, std::int64_t first, std::int64_t width) {
  auto block = Matrix<float>::zeroed(width, width);
  for (std::int64_t i = 0; i < width; ++i) {
    block(i, i) = 0.5F * s(first + i, first + i);
    for (auto j = i + 1; j < width; ++j) block(i, j) = s(first + i, first + j);
  }
  return block;
}

}  // namespace

double gram_energy(MatrixView<const float> m, const InputStatistics& statistics) {
  const auto s = statistics.gram_sum();
  Matrix<float> product(m.rows, std::min(kBlock, m.cols));
  double sum = 0.0;
  for (std::int64_t first = 0; first < m.cols; first += kBlock) {
    const auto width = std::min(kBlock, m.cols - first);
    const auto columns = m.block(0, m.rows, first, width);
    const auto out = product.view().block(0, m.rows, 0, width);
    const auto diagonal = halved_diagonal_block(s, first, width);
    kernels::gemm_nn(columns, diagonal.view(), out);
    if (first > 0) kernels::gemm_nn(m.block(0, m.rows, 0, first), s.block(0, first, first, width), out, 1.0F, 1.0F);
    sum += inner_product(out, columns);
  }
  return 2.0 * sum * statistics.gram_scale();
}

}  // namespace lacuna::prune
