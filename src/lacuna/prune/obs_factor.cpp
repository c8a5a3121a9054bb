#include "lacuna/prune/obs_factor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/cholesky/cholesky.hpp"
#include "lacuna/kernels/gemm/gemm.hpp"

namespace lacuna::prune {
namespace {

// H's diagonal, dead columns set to 1 and listed.
std::vector<float> live_diagonal(const InputStatistics& statistics, std::vector<std::int64_t>& dead) {
  const auto gram = statistics.gram_sum();
  const auto scale = static_cast<float>(statistics.gram_scale());
  std::vector<float> diagonal(static_cast<std::size_t>(gram.rows));
  for (std::int64_t i = 0; i < gram.rows; ++i) {
    float& value = diagonal[static_cast<std::size_t>(i)];
    value = scale * gram(i, i);
    // |H_ij| ≤ √(H_ii·H_jj): a finite diagonal means a finite matrix.
    if (!std::isfinite(value)) {
      throw Error(ErrorCode::not_finite,
                  fmt::format("calibration input column {} of {} is NaN, infinite or overflows", i, gram.rows));
    }
    if (value == 0.0F) {
      value = 1.0F;
      dead.push_back(i);
    }
  }
  return diagonal;
}

void fill_damped(const InputStatistics& statistics, const std::vector<float>& diagonal, double added,
                 Matrix<float>& h) {
  const auto gram = statistics.gram_sum();
  const auto scale = static_cast<float>(statistics.gram_scale());
  parallel_for(gram.rows, 16, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      std::fill_n(&h(i, 0), i, 0.0F);
      for (auto j = i + 1; j < gram.cols; ++j) h(i, j) = scale * gram(i, j);
      h(i, i) = diagonal[static_cast<std::size_t>(i)] + static_cast<float>(added);
    }
  });
}

// R → U_bb on the diagonal, V above it.
void make_updates(MatrixView<float> r, std::int64_t block_size) {
  AlignedBuffer<float> scratch(static_cast<std::size_t>(r.rows * block_size));
  for (std::int64_t first = 0; first < r.cols; first += block_size) {
    const auto width = std::min(block_size, r.cols - first);
    const auto diagonal = r.block(first, width, first, width);
    kernels::invert_upper(diagonal);
    if (first == 0) continue;
    const auto above = r.block(0, first, first, width);
    const MatrixView<float> copy(scratch.data(), first, width);
    for (std::int64_t i = 0; i < first; ++i) std::copy_n(above.row(i), width, copy.row(i));
    kernels::gemm_nn(copy, diagonal, above);
  }
}

}  // namespace

ObsFactor make_obs_factor(const InputStatistics& statistics, std::int64_t block_size, double damping,
                          const RunContext& context) {
  const auto n = statistics.columns();
  ObsFactor factor;
  factor.block_size = block_size;
  const auto diagonal = live_diagonal(statistics, factor.dead_columns);
  double mean = 0.0;
  for (const float value : diagonal) mean += static_cast<double>(value) / static_cast<double>(n);
  factor.matrix = Matrix<float>(n, n);
  for (factor.damping = damping;; ++factor.damping_raises) {
    factor.added = factor.damping * mean;
    fill_damped(statistics, diagonal, factor.added, factor.matrix);
    if (kernels::factor_upper(factor.matrix.view())) break;
    const double raised = factor.damping > 0.0 ? 10.0 * factor.damping : 0.01;
    if (raised > kLargestDamping) {
      throw Error(ErrorCode::not_positive_definite,
                  fmt::format("Gram matrix of {} columns: not positive definite with damping {:g}", n, factor.damping));
    }
    context.warn(
        fmt::format("Gram matrix not positive definite with damping {:g}; raised to {:g}", factor.damping, raised));
    factor.damping = raised;
  }
  make_updates(factor.matrix.view(), block_size);
  return factor;
}

}  // namespace lacuna::prune
