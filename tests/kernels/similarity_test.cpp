#include "lacuna/kernels/similarity/similarity.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "lacuna/core/random.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

// Half zeros, a few −0.0, denormals and large values; `shift` floats of slack move it off every vector boundary.
std::vector<float> sparse_values(std::int64_t n, std::uint64_t seed, std::size_t shift = 0) {
  Random random(seed);
  std::vector<float> values(static_cast<std::size_t>(n) + shift);
  for (auto& x : values) {
    switch (random.below(10)) {
      case 0: x = -0.0F; break;
      case 1: x = std::numeric_limits<float>::denorm_min(); break;
      case 2: x = static_cast<float>(random.normal() * 1e15); break;
      case 3:
      case 4:
      case 5: x = static_cast<float>(random.normal()); break;
      default: x = 0.0F;
    }
  }
  return values;
}

struct Columns {
  std::vector<std::uint32_t> a_nonzero, b_nonzero, both;
  std::vector<double> dot, aa, bb;
  explicit Columns(std::size_t n) : a_nonzero(n), b_nonzero(n), both(n), dot(n), aa(n), bb(n) {}
  ColumnSums sums() { return {a_nonzero.data(), b_nonzero.data(), both.data(), dot.data(), aa.data(), bb.data()}; }
  bool operator==(const Columns&) const = default;
};

TEST(SimilarityKernel, ColumnsOfAHandComputedPair) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> a = {1, 0, -0.0F, 2,  //
                                3, 0, 5,     nan};
  const std::vector<float> b = {4, 0,     7, -1,  //
                                0, -0.0F, 2, 1};
  Columns got(4);
  similarity_columns(a.data(), 4, b.data(), 4, 2, 4, got.sums());
  EXPECT_EQ(got.a_nonzero, (std::vector<std::uint32_t>{2, 0, 1, 2}));
  EXPECT_EQ(got.b_nonzero, (std::vector<std::uint32_t>{1, 0, 2, 2}));
  EXPECT_EQ(got.both, (std::vector<std::uint32_t>{1, 0, 1, 2}));
  EXPECT_EQ(got.dot[0], 4.0);
  EXPECT_EQ(got.aa[0], 10.0);
  EXPECT_EQ(got.bb[0], 16.0);
  EXPECT_EQ(got.dot[1], 0.0);
  EXPECT_EQ(got.dot[2], 10.0);
  EXPECT_TRUE(std::isnan(got.dot[3]));
  EXPECT_EQ(got.bb[3], 2.0);
}

TEST(SimilarityKernel, ColumnsAreBitIdenticalOnEveryIsa) {
  constexpr std::int64_t kRows = 13;
  for (std::int64_t cols = 1; cols <= 70; ++cols) {
    for (const std::size_t shift : {0U, 1U, 3U}) {
      const std::int64_t stride = cols + 5;
      const auto a = sparse_values(kRows * stride, 1, shift);
      const auto b = sparse_values(kRows * stride, 2, shift);
      Columns want(static_cast<std::size_t>(cols));
      scalar::similarity_columns(a.data() + shift, stride, b.data() + shift, stride, kRows, cols, want.sums());
      for (const IsaLevel level : test::runnable_isa_levels()) {
        const test::ForcedIsaLevel forced(level);
        Columns got(static_cast<std::size_t>(cols));
        similarity_columns(a.data() + shift, stride, b.data() + shift, stride, kRows, cols, got.sums());
        ASSERT_TRUE(got == want) << isa_name(level) << " cols " << cols << " shift " << shift;
      }
    }
  }
}

TEST(SimilarityKernel, ColumnsAddToWhatIsThere) {
  constexpr std::int64_t kCols = 37;
  const auto a = sparse_values(8 * kCols, 3);
  const auto b = sparse_values(8 * kCols, 4);
  Columns whole(kCols);
  similarity_columns(a.data(), kCols, b.data(), kCols, 8, kCols, whole.sums());
  Columns pieces(kCols);
  similarity_columns(a.data(), kCols, b.data(), kCols, 3, kCols, pieces.sums());
  similarity_columns(a.data() + 3 * kCols, kCols, b.data() + 3 * kCols, kCols, 5, kCols, pieces.sums());
  EXPECT_TRUE(whole == pieces);
}

TEST(SimilarityKernel, RowsAreBitIdenticalOnEveryIsaAndInPieces) {
  for (std::int64_t n = 0; n <= 100; ++n) {
    const auto a = sparse_values(n, 5, 1);
    const auto b = sparse_values(n, 6, 1);
    RowSums want;
    scalar::similarity_row(a.data() + 1, b.data() + 1, n, want);
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      RowSums got;
      const std::int64_t first = n / 2 / RowSums::kLanes * RowSums::kLanes;
      similarity_row(a.data() + 1, b.data() + 1, first, got);
      similarity_row(a.data() + 1 + first, b.data() + 1 + first, n - first, got);
      ASSERT_EQ(got.dot, want.dot) << isa_name(level) << " n " << n;
      ASSERT_EQ(got.aa, want.aa);
      ASSERT_EQ(got.bb, want.bb);
      ASSERT_EQ(got.a_nonzero, want.a_nonzero);
      ASSERT_EQ(got.b_nonzero, want.b_nonzero);
      ASSERT_EQ(got.both, want.both);
    }
  }
}

TEST(SimilarityKernel, DoublesKeepNonzerosThatFloatWouldLose) {
  const std::vector<double> a = {1e-300, -0.0, 2.0};
  const std::vector<double> b = {1e-300, 1.0, 3.0};
  RowSums row;
  similarity_row(a.data(), b.data(), 3, row);
  EXPECT_EQ(row.a_nonzero, 2U);
  EXPECT_EQ(row.both, 2U);
  EXPECT_EQ(reduce_lanes(row.dot), 6.0);
  Columns columns(3);
  similarity_columns(a.data(), 3, b.data(), 3, 1, 3, columns.sums());
  EXPECT_EQ(columns.both, (std::vector<std::uint32_t>{1, 0, 1}));
}

}  // namespace
}  // namespace lacuna::kernels
