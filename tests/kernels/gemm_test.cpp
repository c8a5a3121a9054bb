#include "lacuna/kernels/gemm/gemm.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "kernels/operand.hpp"
#include "lacuna/core/buffer.hpp"
#include "lacuna/core/cpu.hpp"
#include "lacuna/core/dtype.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna::kernels {
namespace {

using test::Operand;

// An f32 sum of k products of values below 5, in any order, is within k·2⁻²⁴·Σ|a·b| of the exact one; random signs make
// it much better. Σ|a·b| ≈ 0.64·k.
double tolerance(std::int64_t k) { return (static_cast<double>(k) + 8) * 0x1.0p-24 * (static_cast<double>(k) + 8); }

using Shape3 = std::array<std::int64_t, 3>;

// One row (gemv), small, matmul and the wide shapes that go to sgemm.
const std::vector<Shape3> kShapes = {{1, 7, 9},    {1, 300, 64},  {2, 3, 4},      {5, 1, 33},
                                     {17, 65, 31}, {64, 96, 192}, {130, 4100, 8}, {3, 4100, 8}};

TEST(Gemm, ProductsAgreeWithTheDefinition) {
  for (const auto& [m, n, k] : kShapes) {
    const Operand a(m, k, 21);
    const Operand b_rows(n, k, 22);
    const Operand b_cols(k, n, 23);
    for (const auto& [alpha, beta] : std::vector<std::pair<float, float>>{{1, 0}, {1, 1}, {2, -0.5F}}) {
      Operand nt(m, n, 24);
      Operand nn(m, n, 24);
      const Operand before(m, n, 24);
      gemm_nt(a.view(), b_rows.view(), nt.view(), alpha, beta);
      gemm_nn(a.view(), b_cols.view(), nn.view(), alpha, beta);
      for (std::int64_t r = 0; r < m; ++r) {
        for (std::int64_t c = 0; c < n; ++c) {
          double dot_nt = 0.0;
          double dot_nn = 0.0;
          for (std::int64_t i = 0; i < k; ++i) {
            dot_nt += static_cast<double>(a.view()(r, i)) * static_cast<double>(b_rows.view()(c, i));
            dot_nn += static_cast<double>(a.view()(r, i)) * static_cast<double>(b_cols.view()(i, c));
          }
          const double old = static_cast<double>(beta) * static_cast<double>(before.view()(r, c));
          ASSERT_NEAR(nt.view()(r, c), static_cast<double>(alpha) * dot_nt + old, tolerance(k)) << m << ' ' << n;
          ASSERT_NEAR(nn.view()(r, c), static_cast<double>(alpha) * dot_nn + old, tolerance(k)) << m << ' ' << n;
        }
      }
      // The gap between rows stays as it was.
      for (std::int64_t r = 0; r < m; ++r) ASSERT_EQ(nt.view().row(r)[n], before.view().row(r)[n]);
    }
  }
}

TEST(Gemm, ZeroBetaIgnoresWhatWasThere) {
  const Operand a(6, 8, 25);
  const Operand b(4, 8, 26);
  Matrix<float> c(6, 4);
  std::fill_n(c.data(), c.numel(), std::nanf(""));
  gemm_nt(a.view(), b.view(), c.view());
  for (std::int64_t i = 0; i < c.numel(); ++i) EXPECT_TRUE(std::isfinite(c.data()[i]));
}

TEST(Gemm, EmptyShapesDoNothingOrScale) {
  const Operand a(3, 0, 27);
  const Operand b(2, 0, 28);
  Matrix<float> c(3, 2);
  std::fill_n(c.data(), 6, 4.0F);
  gemm_nt(a.view(), b.view(), c.view(), 1.0F, 0.5F);
  EXPECT_EQ(c(2, 1), 2.0F);
  Matrix<float> none(0, 2);
  gemm_nt(MatrixView<const float>(a.values.data(), 0, 4), MatrixView<const float>(b.values.data(), 2, 4), none.view());
}

TEST(Gemm, InsideAParallelRegionGivesTheSame) {
  const Operand a(40, 64, 29);
  const Operand b(48, 64, 30);
  Matrix<float> outside(40, 48);
  gemm_nt(a.view(), b.view(), outside.view());
  std::array<Matrix<float>, 8> inside;
  parallel_for(8, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      auto& c = inside[static_cast<std::size_t>(i)];
      c = Matrix<float>(40, 48);
      gemm_nt(a.view(), b.view(), c.view());
    }
  });
  for (const auto& c : inside) {
    for (std::int64_t i = 0; i < c.numel(); ++i) ASSERT_NEAR(c.data()[i], outside.data()[i], tolerance(64));
  }
}

TEST(GemmBf16, AgreesWithWidenedOperands) {
  if (!cpu_has_bf16()) GTEST_SKIP() << "this processor has no bf16 arithmetic";
  for (const auto& [m, n, k] : std::vector<Shape3>{{1, 9, 33}, {2, 3, 5}, {33, 65, 31}, {130, 96, 192}}) {
    const Operand a(m, k, 31);
    const Operand b(n, k, 32);
    Matrix<std::uint16_t> a16(m, k);
    Matrix<std::uint16_t> b16(n, k);
    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t i = 0; i < k; ++i) a16(r, i) = f32_to_bf16(a.view()(r, i));
    }
    for (std::int64_t r = 0; r < n; ++r) {
      for (std::int64_t i = 0; i < k; ++i) b16(r, i) = f32_to_bf16(b.view()(r, i));
    }
    for (const float beta : {0.0F, 1.0F}) {
      Matrix<float> c(m, n);
      std::fill_n(c.data(), c.numel(), 3.0F);
      gemm_nt_bf16(a16.view(), b16.view(), c.view(), beta);
      for (std::int64_t r = 0; r < m; ++r) {
        for (std::int64_t j = 0; j < n; ++j) {
          double dot = 0.0;
          for (std::int64_t i = 0; i < k; ++i) {
            dot += static_cast<double>(bf16_to_f32(a16(r, i))) * static_cast<double>(bf16_to_f32(b16(j, i)));
          }
          // Products of two 8-bit significands are exact; the sum is an f32 sum.
          ASSERT_NEAR(c(r, j), dot + 3.0 * static_cast<double>(beta), tolerance(k)) << m << ' ' << n << ' ' << k;
        }
      }
    }
  }
}

}  // namespace
}  // namespace lacuna::kernels
