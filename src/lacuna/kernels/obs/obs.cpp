#include "lacuna/kernels/obs/obs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/obs/rows.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kTile = 64;  // rows per call: whole vectors of rows, and the unit in which energies are summed

obs::RowOps row_ops() { return use_simd() ? obs::simd_ops() : obs::scalar_ops(); }

void check_shapes(MatrixView<const float> weights, MatrixView<const float> other, MatrixView<const float> u) {
  if (other.rows == weights.rows && other.cols == weights.cols && u.rows == weights.cols && u.cols == weights.cols)
    return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("obs block: weights {}×{}, companion {}×{}, factor {}×{}", weights.rows, weights.cols,
                          other.rows, other.cols, u.rows, u.cols));
}

// Tiles are summed in order, so the energies do not depend on the threads.
ObsEnergy prune(MatrixView<float> weights, MatrixView<float> change, MatrixView<const float> u, const obs::Rule& rule) {
  check_shapes(weights, change, u);
  const auto ops = row_ops();
  const std::int64_t tiles = (weights.rows + kTile - 1) / kTile;
  std::vector<ObsEnergy> energies(static_cast<std::size_t>(tiles));
  parallel_for(tiles, 1, [&](std::int64_t begin, std::int64_t end) {
    AlignedBuffer<float> scratch(obs::scratch_size(weights.cols));
    for (auto tile = begin; tile < end; ++tile) {
      const auto row = tile * kTile;
      const auto rows = std::min(kTile, weights.rows - row);
      energies[static_cast<std::size_t>(tile)] = ops.prune(
          weights.block(row, rows, 0, weights.cols), change.block(row, rows, 0, weights.cols), u, rule, scratch.data());
    }
  });
  ObsEnergy sum;
  for (const auto& energy : energies) {
    sum.error += energy.error;
    sum.change += energy.change;
  }
  return sum;
}

}  // namespace

void obs_scores(MatrixView<const float> weights, MatrixView<const float> u, MatrixView<float> scores) {
  check_shapes(weights, scores, u);
  const auto ops = row_ops();
  std::vector<float> diagonal(static_cast<std::size_t>(u.cols));
  for (std::int64_t j = 0; j < u.cols; ++j) diagonal[static_cast<std::size_t>(j)] = u(j, j);
  parallel_for(weights.rows, kTile, [&](std::int64_t begin, std::int64_t end) {
    ops.scores(weights.block(begin, end - begin, 0, weights.cols), diagonal.data(),
               scores.block(begin, end - begin, 0, scores.cols));
  });
}

ObsEnergy obs_prune_threshold(MatrixView<float> weights, MatrixView<float> change, MatrixView<const float> u,
                              float threshold) {
  return prune(weights, change, u, {threshold, 0, 0});
}

ObsEnergy obs_prune_pattern(MatrixView<float> weights, MatrixView<float> change, MatrixView<const float> u, int n,
                            int m) {
  if (m < 1 || n < 0 || n > m || weights.cols % m != 0) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("pattern {}:{} does not fit a block of {} columns", n, m, weights.cols));
  }
  return prune(weights, change, u, {0.0F, n, m});
}

}  // namespace lacuna::kernels
