#include "lacuna/bits/pattern.hpp"

#include <gtest/gtest.h>

#include "lacuna/core/error.hpp"
#include "sparse_matrix.hpp"

namespace lacuna {
namespace {

using test::sparse_matrix;
using test::view_of;

// Zeroes n random positions of every m consecutive elements.
std::vector<float> structured(std::int64_t rows, std::int64_t cols, int n, int m, std::uint64_t seed) {
  auto values = sparse_matrix(rows, cols, seed, 0.0);
  Random random(seed + 1);
  for (std::size_t begin = 0; begin < values.size(); begin += static_cast<std::size_t>(m)) {
    std::vector<std::size_t> order(static_cast<std::size_t>(m));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = begin + i;
    random.shuffle(order.begin(), order.end());
    for (int k = 0; k < n; ++k) values[order[static_cast<std::size_t>(k)]] = 0.0F;
  }
  return values;
}

std::string label_of(const std::vector<float>& values, std::int64_t rows, std::int64_t cols) {
  return summarize_pattern(view_of(values, rows, cols)).label();
}

TEST(Pattern, DetectsNOfM) {
  for (const auto& [n, m] : {std::pair<int, int>{1, 2}, {2, 4}, {4, 8}, {8, 16}, {16, 32}, {1, 4}, {3, 4}, {6, 8}}) {
    const auto values = structured(20, 96, n, m, 11);
    EXPECT_EQ(label_of(values, 20, 96), std::to_string(n) + ":" + std::to_string(m));
    EXPECT_TRUE(satisfies_pattern(view_of(values, 20, 96), n, m));
  }
}

TEST(Pattern, ReportsTheTightestOfNestedPatterns) {
  const auto values = structured(4, 64, 1, 2, 12);  // also 2:4, 4:8, …
  EXPECT_TRUE(satisfies_pattern(view_of(values, 4, 64), 4, 8));
  EXPECT_EQ(label_of(values, 4, 64), "1:2");
}

TEST(Pattern, OneGroupWithTooFewZerosEndsIt) {
  auto values = structured(20, 96, 2, 4, 13);
  for (std::size_t i = 4 * 100; i < 4 * 100 + 4; ++i) values[i] = 1.0F;
  EXPECT_FALSE(satisfies_pattern(view_of(values, 20, 96), 2, 4));
  EXPECT_EQ(label_of(values, 20, 96), "unstructured");
}

TEST(Pattern, ExtraZerosDoNotHideThePattern) {
  auto values = structured(20, 96, 2, 4, 14);
  for (std::size_t i = 0; i < values.size(); i += 17) values[i] = 0.0F;
  EXPECT_EQ(label_of(values, 20, 96), "2:4");
}

TEST(Pattern, RandomZerosAreUnstructuredAtAnySparsity) {
  for (const double sparsity : {0.3, 0.5, 0.7, 0.9, 0.99}) {
    const auto values = sparse_matrix(200, 512, 15, sparsity);
    EXPECT_EQ(label_of(values, 200, 512), "unstructured") << sparsity;
  }
}

TEST(Pattern, DenseZeroAndEmpty) {
  auto values = sparse_matrix(10, 200, 16, 0.0);
  EXPECT_EQ(label_of(values, 10, 200), "dense");
  values[7] = 0.0F;  // 0.05 %
  EXPECT_EQ(label_of(values, 10, 200), "dense");
  const std::vector<float> zeros(40, 0.0F);
  EXPECT_EQ(label_of(zeros, 5, 8), "zero");
  const auto empty = summarize_pattern(view_of(zeros, 0, 8));
  EXPECT_EQ(empty.sparsity(), 0.0);
  EXPECT_EQ(empty.label(), "dense");
}

TEST(Pattern, RowsThatMDoesNotDivideHaveNoPatternOfThatM) {
  const auto values = structured(4, 6, 1, 2, 17);  // 6 columns: 1:2 can hold, 2:4 cannot
  EXPECT_EQ(label_of(values, 4, 6), "1:2");
  const std::vector<float> odd = {0, 1, 0, 1, 0, 1, 0};
  EXPECT_EQ(label_of(odd, 1, 7), "unstructured");
}

TEST(Pattern, TailsAreCountedOnce) {
  for (std::int64_t cols = 1; cols <= 140; ++cols) {
    const auto values = sparse_matrix(3, cols, static_cast<std::uint64_t>(cols));
    std::int64_t zeros = 0;
    for (const float x : values) zeros += x == 0.0F ? 1 : 0;
    const auto summary = summarize_pattern(view_of(values, 3, cols));
    ASSERT_EQ(summary.zeros, zeros) << cols;
    ASSERT_EQ(summary.numel, 3 * cols);
  }
}

TEST(Pattern, GroupsMayCrossWords) {
  std::vector<float> values(120, 1.0F);
  for (std::size_t i = 0; i < values.size(); i += 5) values[i] = 0.0F;  // 1:5 exactly; 60..64 crosses a word
  EXPECT_TRUE(satisfies_pattern(view_of(values, 1, 120), 1, 5));
  EXPECT_FALSE(satisfies_pattern(view_of(values, 1, 120), 2, 5));
  values[60] = 1.0F;
  EXPECT_FALSE(satisfies_pattern(view_of(values, 1, 120), 1, 5));
  EXPECT_THROW((void)satisfies_pattern(view_of(values, 1, 120), 4, 4), Error);
}

TEST(Pattern, AnyRankAndAnyStrides) {
  const std::vector<float> values = {0, 1, 0, 2, 0, 3, 0, 4};
  EXPECT_EQ(summarize_pattern(make_tensor_view(DType::f32, {8}, values.data())).label(), "1:2");
  EXPECT_EQ(summarize_pattern(make_tensor_view(DType::f32, {2, 2, 2}, values.data())).label(), "1:2");
  auto turned = make_tensor_view(DType::f32, {2, 4}, values.data());  // rows 0 0 0 0 and 1 2 3 4
  turned.strides = {1, 2};
  EXPECT_EQ(summarize_pattern(turned).label(), "unstructured");
  EXPECT_EQ(summarize_pattern(turned).zeros, 4);
  EXPECT_EQ(summarize_pattern(make_tensor_view(DType::f32, {}, values.data())).label(), "zero");
}

TEST(Pattern, CountsPerRowAndColumn) {
  const auto values = sparse_matrix(70, 90, 18);
  const auto counts = count_nonzeros(view_of(values, 70, 90));
  std::vector<std::uint32_t> rows(70);
  std::vector<std::uint32_t> columns(90);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == 0.0F) continue;
    ++rows[i / 90];
    ++columns[i % 90];
  }
  EXPECT_EQ(counts.rows, rows);
  EXPECT_EQ(counts.columns, columns);
}

}  // namespace
}  // namespace lacuna
