#include "lacuna/sparse/layout.hpp"

#include <gtest/gtest.h>

#include "lacuna/core/error.hpp"
#include "sparse/sparse_values.hpp"

namespace lacuna {
namespace {

PackingPlan plan_of(const test::DenseMatrix& matrix) { return plan_packing(matrix.view()).value(); }

TEST(PackingPlan, SizesByHand) {
  // 32 × 64 bf16, half zero in no pattern: a bitmap of 8 bytes a row, three starts, 2 bytes a value.
  test::DenseMatrix matrix{DType::bf16, 32, 64, std::vector<std::byte>(32 * 64 * 2)};
  for (std::int64_t r = 0; r < 32; ++r) {
    for (std::int64_t c = 0; c < 32; ++c) matrix.set(r, c, 0x3f80);
  }
  const PackingPlan plan = plan_of(matrix);
  EXPECT_FALSE(plan.layout.grouped());
  EXPECT_EQ(plan.stored, 1024U);
  EXPECT_EQ(plan.packed_bytes(), 32U * 8 + 3U * 8 + 1024U * 2);
  EXPECT_EQ(plan.dense_bytes(), 4096U);
}

TEST(PackingPlan, PatternsArePackedAsGroups) {
  const auto layout = [](int kept, int group) {
    return plan_of(test::grouped_matrix(DType::bf16, 16, 128, kept, group, 3)).layout.name();
  };
  EXPECT_EQ(layout(2, 4), "2 of 4");
  EXPECT_EQ(layout(1, 4), "1 of 4");
  EXPECT_EQ(layout(1, 2), "1 of 2");
  EXPECT_EQ(layout(1, 8), "1 of 8");
  EXPECT_EQ(layout(2, 16), "2 of 16");
  EXPECT_EQ(layout(4, 8), "bitmap") << "three bits an index are more than one bit an element";
}

TEST(PackingPlan, NegativeZeroIsStored) {
  test::DenseMatrix matrix{DType::f32, 1, 64, std::vector<std::byte>(64 * 4)};
  matrix.set(0, 5, 0x80000000U);
  EXPECT_EQ(plan_of(matrix).nonzeros, 1U);
}

TEST(PackingPlan, WhatBecomesNoSmallerIsLeftDense) {
  EXPECT_FALSE(plan_packing(test::sparse_matrix(DType::bf16, 64, 64, 0.0, 1).view()).has_value());
  const test::DenseMatrix integers{DType::i32, 4, 64, std::vector<std::byte>(4 * 64 * 4)};
  EXPECT_FALSE(plan_packing(integers.view()).has_value());
  const test::DenseMatrix empty{DType::f32, 0, 64, {}};
  EXPECT_FALSE(plan_packing(empty.view()).has_value());
}

TEST(PackingPlan, RefusesVectors) {
  const std::vector<float> values(8);
  EXPECT_THROW(plan_packing(make_tensor_view(DType::f32, {8}, values.data())), Error);
}

// The goals of the format, of a matrix as wide as the smallest demo model's: 0.57, 0.37, 0.17.
TEST(PackingPlan, MeetsTheSizesItPromises) {
  const auto ratio = [](const test::DenseMatrix& matrix) {
    const PackingPlan plan = plan_of(matrix);
    return static_cast<double>(plan.packed_bytes()) / static_cast<double>(plan.dense_bytes());
  };
  const auto exact = [](int tenths) {  // exactly so many zeros of every ten, in no pattern of powers of two
    test::DenseMatrix matrix = test::sparse_matrix(DType::bf16, 192, 200, 0.0, 9);
    for (std::int64_t i = 0; i < 192 * 200; ++i) {
      if (i % 10 < tenths) {
        matrix.set(i / 200, i % 200, 0);
      } else {
        matrix.set(i / 200, i % 200, 0x3f80);
      }
    }
    return matrix;
  };
  EXPECT_LE(ratio(exact(5)), 0.57);
  EXPECT_LE(ratio(exact(7)), 0.37);
  EXPECT_LE(ratio(exact(9)), 0.17);
  EXPECT_LE(ratio(test::grouped_matrix(DType::bf16, 192, 192, 2, 4, 5)), 0.57);
}

}  // namespace
}  // namespace lacuna
