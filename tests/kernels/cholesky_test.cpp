#include "lacuna/kernels/cholesky/cholesky.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/random.hpp"

namespace lacuna::kernels {
namespace {

// A·Aᵀ/n + I/10 of a random n×n matrix, upper triangle; zeros below.
Matrix<float> positive_definite(std::int64_t n) {
  Random random(static_cast<std::uint64_t>(n));
  Matrix<double> a(n, n);
  for (std::int64_t i = 0; i < a.numel(); ++i) a.data()[i] = random.normal();
  auto h = Matrix<float>::zeroed(n, n);
  for (std::int64_t i = 0; i < n; ++i) {
    for (auto j = i; j < n; ++j) {
      double sum = i == j ? 0.1 : 0.0;
      for (std::int64_t k = 0; k < n; ++k) sum += a(i, k) * a(j, k) / static_cast<double>(n);
      h(i, j) = static_cast<float>(sum);
    }
  }
  return h;
}

Matrix<float> copy(const Matrix<float>& m) {
  Matrix<float> twin(m.rows(), m.cols());
  std::copy_n(m.data(), m.numel(), twin.data());
  return twin;
}

// Sizes around the leaf (32), the strip (128) and the panel (256).
TEST(Cholesky, ProductOfTheFactorIsTheMatrix) {
  for (const std::int64_t n : {1, 2, 31, 32, 33, 64, 127, 128, 129, 255, 256, 257, 300}) {
    const auto h = positive_definite(n);
    auto r = copy(h);
    ASSERT_TRUE(factor_upper(r.view())) << n;
    for (std::int64_t i = 0; i < n; ++i) {
      for (auto j = i; j < n; ++j) {
        double product = 0.0;
        for (auto k = j; k < n; ++k) product += static_cast<double>(r(i, k)) * static_cast<double>(r(j, k));
        // n roundings of 2^-24 of √(H_ii·H_jj) at most; the diagonal is about 1.
        EXPECT_NEAR(product, h(i, j), static_cast<double>(n + 4) * 6e-8 * std::sqrt(h(i, i) * h(j, j)))
            << n << ' ' << i << ' ' << j;
      }
    }
  }
}

TEST(Cholesky, InverseTimesFactorIsOne) {
  for (const std::int64_t n : {1, 5, 32, 64, 100, 128}) {
    auto r = positive_definite(n);
    ASSERT_TRUE(factor_upper(r.view()));
    auto u = copy(r);
    invert_upper(u.view());
    for (std::int64_t i = 0; i < n; ++i) {
      for (auto j = i; j < n; ++j) {
        double product = 0.0;
        for (auto k = i; k <= j; ++k) product += static_cast<double>(u(i, k)) * static_cast<double>(r(k, j));
        // Condition number of R below √(5/0.1) = 7; n roundings.
        EXPECT_NEAR(product, i == j ? 1.0 : 0.0, 7.0 * static_cast<double>(n + 4) * 6e-8) << n << ' ' << i << ' ' << j;
      }
    }
  }
}

TEST(Cholesky, InversionReadsTheUpperTriangleAndClearsTheRest) {
  for (const std::int64_t n : {2, 32, 33, 100}) {
    auto clean = positive_definite(n);
    auto marked = copy(clean);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < i; ++j) marked(i, j) = std::numeric_limits<float>::quiet_NaN();
    }
    invert_upper(clean.view());
    invert_upper(marked.view());
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) EXPECT_EQ(marked(i, j), j < i ? 0.0F : clean(i, j)) << n;
    }
  }
}

TEST(Cholesky, IndefiniteAndBrokenMatricesAreSaidToBe) {
  for (const std::int64_t n : {3, 40, 200, 300}) {
    for (const std::int64_t at : {std::int64_t{0}, n / 2, n - 1}) {
      for (const float bad :
           {-1.0F, 0.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        auto h = positive_definite(n);
        h(at, at) = bad;
        EXPECT_FALSE(factor_upper(h.view())) << n << ' ' << at << ' ' << bad;
      }
    }
  }
}

TEST(Cholesky, RowStrideIsRespected) {
  const auto h = positive_definite(50);
  auto wide = Matrix<float>::zeroed(52, 60);
  for (std::int64_t i = 0; i < 50; ++i) std::copy_n(&h(i, 0), 50, &wide(i + 1, 7));
  auto alone = copy(h);
  ASSERT_TRUE(factor_upper(alone.view()));
  ASSERT_TRUE(factor_upper(wide.view().block(1, 50, 7, 50)));
  for (std::int64_t i = 0; i < 50; ++i) {
    for (auto j = i; j < 50; ++j) EXPECT_EQ(wide(i + 1, j + 7), alone(i, j));
  }
}

}  // namespace
}  // namespace lacuna::kernels
