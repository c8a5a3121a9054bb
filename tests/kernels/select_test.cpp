#include "lacuna/kernels/select/select.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

using Row = std::vector<float>;

// Values from a coarse grid, so that ties are everywhere; some zeros of both signs.
Matrix<float> tied_values(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
  Matrix<float> m(rows, cols);
  Random random(seed);
  for (std::int64_t i = 0; i < m.numel(); ++i) {
    m.data()[i] = (static_cast<float>(random.below(9)) - 4.0F) / 8.0F * (random.below(2) == 0 ? 1.0F : -1.0F);
  }
  return m;
}

Row scales(std::int64_t cols, std::uint64_t seed) {
  Row scale(static_cast<std::size_t>(cols));
  Random random(seed);
  for (auto& s : scale) s = static_cast<float>(random.below(3));
  return scale;
}

Row copy_row(const Matrix<float>& m, std::int64_t r) {
  return {m.data() + r * m.cols(), m.data() + (r + 1) * m.cols()};
}

bool same_bits(const Matrix<float>& a, const Matrix<float>& b) {
  return std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.numel()) * sizeof(float)) == 0;
}

template <typename Prune>
void expect_same_on_every_isa(std::int64_t rows, std::int64_t cols, Prune prune) {
  const test::ForcedIsaLevel restore(isa_level());
  set_isa_level(IsaLevel::scalar);
  auto expected = tied_values(rows, cols, 7);
  const auto scalar = prune(expected);
  for (const auto level : test::runnable_isa_levels()) {
    set_isa_level(level);
    auto actual = tied_values(rows, cols, 7);
    const auto energy = prune(actual);
    EXPECT_TRUE(same_bits(actual, expected)) << isa_name(level) << " cols " << cols;
    // f32 lane sums of at most cols squares: relative error below cols · 2^-24.
    const double tolerance = static_cast<double>(cols) * 6e-8;
    EXPECT_NEAR(energy.total, scalar.total, tolerance * scalar.total);
    EXPECT_NEAR(energy.zeroed, scalar.zeroed, tolerance * scalar.total);
  }
}

TEST(Select, LowestScoresOfARowAreZeroed) {
  Row w = {3.0F, -1.0F, 2.0F, -4.0F};
  const Row scale = {1.0F, 2.5F, 1.0F, 0.25F};  // scores 3, 2.5, 2, 1
  const auto energy = zero_k_smallest({w.data(), 1, 4}, scale, 2);
  EXPECT_EQ(w, (Row{3.0F, -1.0F, 0.0F, 0.0F}));
  EXPECT_DOUBLE_EQ(energy.zeroed, 5.0);
  EXPECT_DOUBLE_EQ(energy.total, 20.25);
}

TEST(Select, OfEqualScoresTheLowerColumnGoesFirst) {
  for (const auto level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    Row w(37, -2.0F);
    zero_k_smallest({w.data(), 1, 37}, {}, 20);
    for (std::size_t c = 0; c < w.size(); ++c) EXPECT_EQ(w[c], c < 20 ? 0.0F : -2.0F) << isa_name(level) << ' ' << c;
  }
}

TEST(Select, RowsLoseExactlyKOnEveryIsa) {
  for (const std::int64_t cols : {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 130, 257}) {
    const auto scale = scales(cols, 3);
    for (const std::int64_t k : {std::int64_t{0}, cols / 3, cols / 2, cols - 1, cols}) {
      expect_same_on_every_isa(5, cols, [&](Matrix<float>& m) { return zero_k_smallest(m.view(), scale, k); });
    }
  }
}

TEST(Select, DistinctScoresLoseExactlyK) {
  for (const auto level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    Matrix<float> m(3, 100);
    Random random(1);
    for (std::int64_t i = 0; i < m.numel(); ++i) m.data()[i] = static_cast<float>(random.normal());
    zero_k_smallest(m.view(), {}, 61);
    for (std::int64_t r = 0; r < 3; ++r) {
      const auto row = copy_row(m, r);
      EXPECT_EQ(std::count(row.begin(), row.end(), 0.0F), 61);
    }
  }
}

TEST(Select, RowStrideIsRespected) {
  Matrix<float> m = tied_values(4, 40, 2);
  const auto before = tied_values(4, 40, 2);
  zero_k_smallest(m.view().block(0, 4, 3, 19), {}, 19);
  for (std::int64_t r = 0; r < 4; ++r) {
    for (std::int64_t c = 0; c < 40; ++c) EXPECT_EQ(m(r, c), c >= 3 && c < 22 ? 0.0F : before(r, c));
  }
}

TEST(Select, GroupsLoseTheirNLowest) {
  Row w = {4.0F, -1.0F, 3.0F, 2.0F, 1.0F, 1.0F, 1.0F, 1.0F};
  const auto energy = zero_n_of_m({w.data(), 1, 8}, {}, 2, 4);
  EXPECT_EQ(w, (Row{4.0F, 0.0F, 3.0F, 0.0F, 0.0F, 0.0F, 1.0F, 1.0F}));
  EXPECT_DOUBLE_EQ(energy.zeroed, 1.0 + 4.0 + 2.0);
  EXPECT_DOUBLE_EQ(energy.total, 34.0);
}

TEST(Select, GroupsAreTheSameOnEveryIsa) {
  struct Pattern {
    int n, m;
  };
  for (const auto [n, m] :
       {Pattern{1, 2}, {2, 4}, {1, 3}, {4, 8}, {5, 8}, {16, 32}, {40, 64}, {30, 100}, {0, 4}, {4, 4}}) {
    for (const std::int64_t groups : {1, 3, 16, 17, 33}) {
      const auto scale = scales(groups * m, 5);
      expect_same_on_every_isa(3, groups * m,
                               [&, n = n, m = m](Matrix<float>& w) { return zero_n_of_m(w.view(), scale, n, m); });
    }
  }
}

TEST(Select, WrongArgumentsAreRefused) {
  Matrix<float> m = tied_values(2, 6, 1);
  const Row short_scale(5, 1.0F);
  EXPECT_THROW(zero_k_smallest(m.view(), {}, 7), Error);
  EXPECT_THROW(zero_k_smallest(m.view(), {}, -1), Error);
  EXPECT_THROW(zero_k_smallest(m.view(), short_scale, 2), Error);
  EXPECT_THROW(zero_n_of_m(m.view(), {}, 2, 4), Error);
  EXPECT_THROW(zero_n_of_m(m.view(), {}, 4, 3), Error);
  EXPECT_THROW(zero_n_of_m(m.view(), {}, 0, 0), Error);
}

}  // namespace
}  // namespace lacuna::kernels
