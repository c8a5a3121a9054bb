#include "lacuna/kernels/select/select.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/select/row.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::int64_t kGrainElements = 1 << 15;  // fewer per thread cost more to hand out than to do

void check_scale(MatrixView<float> weights, std::span<const float> scale) {
  if (scale.empty() || static_cast<std::int64_t>(scale.size()) == weights.cols) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("scores: expected {} column scales, got {}", weights.cols, scale.size()));
}

// Runs body(row, scratch) for every row in parallel and sums the energies in row order.
template <typename Body>
ScoreEnergy for_each_row(MatrixView<float> weights, Body body) {
  std::vector<ScoreEnergy> energies(static_cast<std::size_t>(weights.rows));
  const std::int64_t grain = std::max<std::int64_t>(1, kGrainElements / std::max<std::int64_t>(weights.cols, 1));
  parallel_for(weights.rows, grain, [&](std::int64_t begin, std::int64_t end) {
    AlignedBuffer<float> scratch(select::scratch_size(weights.cols));
    for (auto r = begin; r < end; ++r) energies[static_cast<std::size_t>(r)] = body(weights.row(r), scratch.data());
  });
  ScoreEnergy sum;
  for (const auto& energy : energies) {
    sum.zeroed += energy.zeroed;
    sum.total += energy.total;
  }
  return sum;
}

}  // namespace

ScoreEnergy zero_k_smallest(MatrixView<float> weights, std::span<const float> scale, std::int64_t k) {
  check_scale(weights, scale);
  if (k < 0 || k > weights.cols) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("entries to zero per row: expected 0 to {}, got {}", weights.cols, k));
  }
  const auto row = use_simd() ? select::simd::zero_k_smallest_row : select::scalar::zero_k_smallest_row;
  const float* factors = scale.empty() ? nullptr : scale.data();
  return for_each_row(weights, [&](float* w, float* scratch) { return row(w, factors, weights.cols, k, scratch); });
}

ScoreEnergy zero_n_of_m(MatrixView<float> weights, std::span<const float> scale, int n, int m) {
  check_scale(weights, scale);
  if (m < 1 || n < 0 || n > m || weights.cols % m != 0) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("pattern {}:{} does not fit rows of {} columns", n, m, weights.cols));
  }
  const bool simd = use_simd() && m <= select::kMaxSimdGroup;
  const auto row = simd ? select::simd::zero_n_of_m_row : select::scalar::zero_n_of_m_row;
  const float* factors = scale.empty() ? nullptr : scale.data();
  return for_each_row(weights, [&](float* w, float* scratch) { return row(w, factors, weights.cols, n, m, scratch); });
}

}  // namespace lacuna::kernels
