// Random pruning problems: weights, correlated inputs, their statistics.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/random.hpp"
#include "lacuna/prune/input_statistics.hpp"

namespace lacuna::test {

inline Matrix<float> normal_matrix(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
  Matrix<float> m(rows, cols);
  Random random(seed);
  for (std::int64_t i = 0; i < m.numel(); ++i) m.data()[i] = static_cast<float>(random.normal());
  return m;
}

// Each column is a mixture of itself and its left neighbour, with its own scale: inputs as a model's are, correlated
// and of unequal size.
inline Matrix<float> correlated_inputs(std::int64_t tokens, std::int64_t cols, std::uint64_t seed) {
  auto x = normal_matrix(tokens, cols, seed);
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t c = 1; c < cols; ++c) x(t, c) = 0.8F * x(t, c - 1) + 0.6F * x(t, c);
    for (std::int64_t c = 0; c < cols; ++c) x(t, c) *= 0.25F + static_cast<float>((c * 7) % 5);
  }
  return x;
}

inline InputStatistics statistics_of(const Matrix<float>& x, StatisticsNeed need, std::int64_t sequences = 1) {
  InputStatistics statistics(need, x.cols());
  const auto tokens = x.rows() / sequences;
  for (std::int64_t i = 0; i < sequences; ++i) statistics.add_sequence(x.view().block(i * tokens, tokens, 0, x.cols()));
  return statistics;
}

template <typename T>
Matrix<T> copy(const Matrix<T>& m) {
  Matrix<T> twin(m.rows(), m.cols());
  for (std::int64_t i = 0; i < m.numel(); ++i) twin.data()[i] = m.data()[i];
  return twin;
}

// ‖(A − B)·Xᵀ‖² in f64.
inline double output_error(const Matrix<float>& a, const Matrix<float>& b, const Matrix<float>& x) {
  double sum = 0.0;
  for (std::int64_t r = 0; r < a.rows(); ++r) {
    for (std::int64_t t = 0; t < x.rows(); ++t) {
      double y = 0.0;
      for (std::int64_t c = 0; c < a.cols(); ++c) {
        y += (static_cast<double>(a(r, c)) - static_cast<double>(b(r, c))) * static_cast<double>(x(t, c));
      }
      sum += y * y;
    }
  }
  return sum;
}

}  // namespace lacuna::test
