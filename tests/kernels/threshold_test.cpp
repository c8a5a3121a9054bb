#include "lacuna/kernels/threshold/threshold.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/random.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

Matrix<float> normals(std::int64_t rows, std::int64_t cols) {
  Matrix<float> m(rows, cols);
  Random random(11);
  for (std::int64_t i = 0; i < m.numel(); ++i) m.data()[i] = static_cast<float>(random.normal());
  return m;
}

std::vector<float> sorted_magnitudes(MatrixView<const float> m) {
  std::vector<float> sorted;
  for (std::int64_t r = 0; r < m.rows; ++r) {
    for (std::int64_t c = 0; c < m.cols; ++c) sorted.push_back(std::fabs(m(r, c)));
  }
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

void expect_ranks_of_a_sort(MatrixView<const float> m) {
  const auto sorted = sorted_magnitudes(m);
  const auto n = m.numel();
  for (const std::int64_t k : {std::int64_t{0}, n / 100, n / 2, n - n / 10, n - 1}) {
    EXPECT_EQ(kth_smallest_abs(m, k), sorted[static_cast<std::size_t>(k)]) << isa_name(isa_level()) << " rank " << k;
  }
}

TEST(Threshold, RankIsThatOfASort) {
  const auto small = normals(3, 37);
  const auto large = normals(300, 517);  // beyond the sample, several chunks
  for (const auto level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    expect_ranks_of_a_sort(small.view());
    expect_ranks_of_a_sort(large.view());
    expect_ranks_of_a_sort(large.view().block(1, 200, 5, 301));  // a row stride
  }
}

TEST(Threshold, TiesAndOneValueEverywhereAreFound) {
  Matrix<float> m(300, 300);
  for (std::int64_t i = 0; i < m.numel(); ++i) m.data()[i] = i % 3 == 0 ? -0.5F : 0.25F;
  for (const auto level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    EXPECT_EQ(kth_smallest_abs(m.view(), 59999), 0.25F);
    EXPECT_EQ(kth_smallest_abs(m.view(), 60000), 0.5F);
  }
}

// A sample that misleads: what the fixed positions see says nothing about the rest.
TEST(Threshold, AMisleadingSampleStillGivesTheExactValue) {
  Matrix<float> m(1, 40000);
  for (std::int64_t i = 0; i < m.numel(); ++i) m.data()[i] = 1.0F + static_cast<float>(i);
  for (std::uint64_t i = 0; i < 4096; ++i)
    m.data()[(i * 0x9e3779b97f4a7c15ULL) % 40000] = 1e-6F * static_cast<float>(i);
  expect_ranks_of_a_sort(m.view());
}

TEST(Threshold, ZeroingTakesTiesAndCountsThem) {
  for (const auto level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    for (const std::int64_t cols : {1, 7, 16, 33}) {
      Matrix<float> m(2, cols);
      for (std::int64_t i = 0; i < m.numel(); ++i) m.data()[i] = static_cast<float>(i % 5) - 2.0F;
      const auto sorted = sorted_magnitudes(m.view());
      const auto expected = std::upper_bound(sorted.begin(), sorted.end(), 1.0F) - sorted.begin();
      EXPECT_EQ(zero_up_to_abs(m.view(), 1.0F), expected);
      EXPECT_EQ(count_zeros(m.view()), expected);
      for (std::int64_t i = 0; i < m.numel(); ++i) EXPECT_TRUE(m.data()[i] == 0.0F || std::fabs(m.data()[i]) > 1.0F);
    }
  }
}

TEST(Threshold, FiniteIsCheckedInEveryLane) {
  for (const auto level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    auto m = normals(1, 37);
    EXPECT_TRUE(all_finite(m.view()));
    for (std::int64_t c = 0; c < 37; ++c) {
      for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
        const float kept = m(0, c);
        m(0, c) = bad;
        EXPECT_FALSE(all_finite(m.view())) << isa_name(level) << ' ' << c;
        m(0, c) = kept;
      }
    }
  }
}

TEST(Threshold, ARankOutsideTheMatrixIsRefused) {
  const auto m = normals(2, 3);
  EXPECT_THROW(kth_smallest_abs(m.view(), 6), Error);
  EXPECT_THROW(kth_smallest_abs(m.view(), -1), Error);
}

}  // namespace
}  // namespace lacuna::kernels
