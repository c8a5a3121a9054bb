#include "lacuna/prune/input_statistics.hpp"

#include <fmt/format.h>

#include <atomic>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/gram/gram.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kColumnGrain = 64;  // columns per thread: whole cache lines, so that threads do not share any

std::uint64_t next_state() {
  static std::atomic<std::uint64_t> counter{0};
  return ++counter;
}

// Rows in order for every column, whatever the threads: the sums do not depend on them.
void add_square_sums(MatrixView<const float> x, double* sums) {
  parallel_for(x.cols, kColumnGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = 0; r < x.rows; ++r) {
      const float* row = x.row(r);
      for (auto c = begin; c < end; ++c) sums[c] += static_cast<double>(row[c]) * static_cast<double>(row[c]);
    }
  });
}

}  // namespace

InputStatistics::InputStatistics(StatisticsNeed need, std::int64_t columns)
    : need_(need), columns_(columns), state_(next_state()) {
  if (need_ != StatisticsNeed::none) square_sums_.assign(static_cast<std::size_t>(columns), 0.0);
  if (need_ == StatisticsNeed::gram) gram_ = Matrix<float>::zeroed(columns, columns);
}

void InputStatistics::add_sequences(MatrixView<const float> x, std::int64_t n_sequences) {
  if (x.cols != columns_) {
    throw Error(ErrorCode::shape_mismatch,
                fmt::format("calibration input: expected {} columns, got {}", columns_, x.cols));
  }
  if (need_ != StatisticsNeed::none) add_square_sums(x, square_sums_.data());
  if (need_ == StatisticsNeed::gram && x.rows > 0) kernels::gram_update_upper(x, gram_.view(), 1.0F, 1.0F);
  sequences_ += n_sequences;
  state_ = next_state();
}

std::vector<float> InputStatistics::square_norms() const {
  std::vector<float> norms(square_sums_.size());
  const double n = sequences_ == 0 ? 1.0 : static_cast<double>(sequences_);
  for (std::size_t c = 0; c < norms.size(); ++c) norms[c] = static_cast<float>(square_sums_[c] / n);
  return norms;
}

double InputStatistics::gram_scale() const { return sequences_ == 0 ? 2.0 : 2.0 / static_cast<double>(sequences_); }

}  // namespace lacuna
