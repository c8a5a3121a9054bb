#include "lacuna/kernels/gram/gram.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/operand.hpp"
#include "lacuna/core/buffer.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna::kernels {
namespace {

using test::Operand;

// 40 products of values below 5 summed in f32, alpha = 2: within 2·48·2⁻²⁴·Σ|a·b|, Σ|a·b| ≈ 0.64·40.
constexpr double kTolerance = 2 * 48 * 0x1.0p-24 * 48;

TEST(Gram, BothTrianglesAgreeWithTheDefinition) {
  for (const std::int64_t n : {1, 5, 31, 32, 33, 64, 97, 200}) {
    const Operand x(40, n, 33);
    Operand gram(n, n, 34);
    const Operand before(n, n, 34);
    gram_update(x.view(), gram.view(), 2.0F, 0.5F);
    for (std::int64_t r = 0; r < n; ++r) {
      for (std::int64_t c = r; c < n; ++c) {
        double dot = 0.0;
        for (std::int64_t t = 0; t < 40; ++t) {
          dot += static_cast<double>(x.view()(t, r)) * static_cast<double>(x.view()(t, c));
        }
        const double old = 0.5 * static_cast<double>(before.view()(r, c));
        ASSERT_NEAR(gram.view()(r, c), 2.0 * dot + old, kTolerance) << n;
        ASSERT_EQ(gram.view()(c, r), gram.view()(r, c)) << n;
      }
    }
  }
}

TEST(Gram, UpdatesOfTheUpperTriangleThenAMirrorAreTheWholeUpdate) {
  const std::int64_t n = 300;  // three strips
  const Operand x(10, n, 35);
  Operand whole(n, n, 36);
  Operand upper(n, n, 36);
  gram_update(x.view(), whole.view(), 1.0F, 0.0F);
  gram_update(x.view(), whole.view(), 1.0F, 1.0F);
  gram_update_upper(x.view(), upper.view(), 1.0F, 0.0F);
  gram_update_upper(x.view(), upper.view(), 1.0F, 1.0F);
  mirror_upper(upper.view());
  for (std::int64_t r = 0; r < n; ++r) {
    for (std::int64_t c = 0; c < n; ++c) ASSERT_EQ(upper.view()(r, c), whole.view()(r, c));
  }
}

TEST(Gram, NoRowsLeaveTheScaledSum) {
  Operand gram(5, 5, 37);
  const Operand before(5, 5, 37);
  gram_update(MatrixView<const float>(nullptr, 0, 5), gram.view(), 1.0F, 0.5F);
  for (std::int64_t c = 0; c < 5; ++c) EXPECT_EQ(gram.view()(0, c), 0.5F * before.view()(0, c));
}

// A plain f32 sum of 8192 positive products is off by some 15 roundings of 2⁻²⁴ (their partial sums grow, each rounding
// is 0.29 of one on average): 32 sums of 256 terms, added exactly, by 0.5, and the result is rounded once.
TEST(Gram, LongSumsAreAsAccurateAsShortOnes) {
  const std::int64_t tokens = 8192;
  const std::int64_t n = 20;
  Matrix<float> x(tokens, n);
  const auto values = test::normal_values(static_cast<std::size_t>(x.numel()), 38);
  for (std::int64_t i = 0; i < x.numel(); ++i) x.data()[i] = 1.0F + 0.1F * values[static_cast<std::size_t>(i)];
  Matrix<float> gram(n, n);
  gram_update(x.view(), gram.view(), 1.0F, 0.0F);
  for (std::int64_t r = 0; r < n; ++r) {
    for (std::int64_t c = 0; c < n; ++c) {
      double dot = 0.0;
      for (std::int64_t t = 0; t < tokens; ++t) dot += static_cast<double>(x(t, r)) * static_cast<double>(x(t, c));
      EXPECT_NEAR(gram(r, c), dot, 4 * 0x1.0p-24 * dot) << r << ' ' << c;
    }
  }
}

TEST(Gram, SameBitsForAnyNumberOfThreads) {
  const std::int64_t n = 700;  // tiles of several strips, of unequal widths
  const Operand x(600, n, 39);
  const int threads = thread_count();
  Matrix<float> one(n, n);
  Matrix<float> three(n, n);
  set_thread_count(1);
  gram_update(x.view(), one.view(), 1.0F, 0.0F);
  set_thread_count(3);
  gram_update(x.view(), three.view(), 1.0F, 0.0F);
  set_thread_count(threads);
  for (std::int64_t i = 0; i < one.numel(); ++i) ASSERT_EQ(one.data()[i], three.data()[i]) << i;
}

}  // namespace
}  // namespace lacuna::kernels
