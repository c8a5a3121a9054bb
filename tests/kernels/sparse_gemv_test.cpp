#include "lacuna/kernels/sparse_gemv/sparse_gemv.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/packed_rows.hpp"
#include "kernels/random_values.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/sparse_gemv/column_panels.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

constexpr DType kTypes[] = {DType::f32, DType::f16, DType::bf16};
constexpr float kNone = -1.0F;

// Column-contiguous weights that begin `shift` bytes into their allocation and end with it.
struct Columns {
  DType dtype;
  std::int64_t rows;
  std::int64_t cols;
  std::int64_t stride;
  std::size_t shift;
  std::vector<std::byte> bytes;

  Columns(DType dtype_, std::int64_t rows_, std::int64_t cols_, std::int64_t gap, std::uint64_t seed,
          std::size_t shift_ = 0)
      : dtype(dtype_), rows(rows_), cols(cols_), stride(rows_ + gap), shift(shift_), bytes(shift_) {
    const auto elements = test::random_elements(dtype, (cols - 1) * stride + rows, seed);
    bytes.insert(bytes.end(), elements.begin(), elements.end());
    bytes.shrink_to_fit();
  }
  ColumnWeights view() const { return {dtype, bytes.data() + shift, rows, cols, stride}; }
};

std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

std::vector<float> multiply(const Columns& w, const std::vector<float>& x, std::int64_t batch, float threshold,
                            const float* bias = nullptr, bool accumulate = false) {
  std::vector<float> y(static_cast<std::size_t>(batch * w.rows), 3.0F);
  const ColumnProduct p = {w.view(), threshold, bias, {y.data(), batch, w.rows}, accumulate};
  sparse_gemv({x.data(), batch, w.cols}, {&p, 1});
  return y;
}

std::vector<float> multiply_scalar(const Columns& w, const std::vector<float>& x, std::int64_t batch, float threshold,
                                   const float* bias = nullptr, bool accumulate = false) {
  const test::ForcedIsaLevel forced(IsaLevel::scalar);
  return multiply(w, x, batch, threshold, bias, accumulate);
}

// Columns (1, 2), (10, 20), (100, 200); inputs 3, −0.5, 2 against a threshold of 0.5: the second column is inactive.
TEST(SparseGemv, ByHand) {
  const std::vector<float> w = {1, 2, 10, 20, 100, 200};
  const std::vector<float> x = {3, -0.5F, 2};
  const std::vector<float> bias = {0.5F, -1};
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    std::vector<float> y = {1, NAN};
    ColumnProduct p = {{DType::f32, w.data(), 2, 3, 2}, 0.5F, bias.data(), {y.data(), 1, 2}, false};
    sparse_gemv({x.data(), 1, 3}, {&p, 1});
    EXPECT_EQ(y, (std::vector<float>{203.5F, 405})) << isa_name(level);
    p.accumulate = true;
    p.threshold = kNone;
    sparse_gemv({x.data(), 1, 3}, {&p, 1});
    EXPECT_EQ(y, (std::vector<float>{402, 800})) << isa_name(level);
  }
}

// The header's promise, over heights around every strip, column counts around the four that run together, sparsities
// from all active to none, and misaligned columns.
TEST(SparseGemv, SameBitsOnEveryIsa) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t rows : test::lane_edge_lengths()) {
      for (const std::int64_t cols : {1, 3, 4, 5, 37}) {
        const Columns w(dtype, rows, cols, rows % 3, 5, static_cast<std::size_t>(rows % 2));
        const auto x = test::normal_values(static_cast<std::size_t>(cols), 7);
        const auto bias = test::normal_values(static_cast<std::size_t>(rows), 8);
        for (const float threshold : {kNone, 0.67F, 100.0F}) {
          const auto expected = multiply_scalar(w, x, 1, threshold, bias.data(), true);
          for (const IsaLevel level : test::runnable_isa_levels()) {
            const test::ForcedIsaLevel forced(level);
            ASSERT_EQ(bits_of(multiply(w, x, 1, threshold, bias.data(), true)), bits_of(expected))
                << isa_name(level) << " " << dtype_name(dtype) << " " << rows << "x" << cols << " t=" << threshold;
          }
        }
      }
    }
  }
}

// Columns long enough that what is asked for ahead passes from one group of eight to the next, and several tiles.
TEST(SparseGemv, TallColumnsHaveTheSameBitsOnEveryIsa) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t rows : {383, 800, 6500}) {
      const Columns w(dtype, rows, 43, 5, 21, 1);
      for (const std::int64_t batch : {1, 2, 8}) {
        const auto x = test::normal_values(static_cast<std::size_t>(batch * w.cols), 22);
        const auto expected = multiply_scalar(w, x, batch, 0.67F);
        for (const IsaLevel level : test::runnable_isa_levels()) {
          const test::ForcedIsaLevel forced(level);
          ASSERT_EQ(bits_of(multiply(w, x, batch, 0.67F)), bits_of(expected))
              << isa_name(level) << " " << dtype_name(dtype) << " " << rows << " rows, batch " << batch;
        }
      }
    }
  }
}

// Rows enough for several tiles of a pass over eight; seven rows are passes over four, two and one.
TEST(SparseGemv, RowsOfABatchHaveTheBitsTheyHaveAlone) {
  for (const DType dtype : kTypes) {
    const Columns w(dtype, 1100, 61, 0, 3);
    for (const std::int64_t batch : {2, 4, 7, 8, 9}) {
      const auto x = test::normal_values(static_cast<std::size_t>(batch * w.cols), 4);
      for (const IsaLevel level : test::runnable_isa_levels()) {
        const test::ForcedIsaLevel forced(level);
        const auto together = multiply(w, x, batch, 0.67F);
        for (std::int64_t b = 0; b < batch; ++b) {
          const std::vector<float> row(x.begin() + b * w.cols, x.begin() + (b + 1) * w.cols);
          const std::vector<float> part(together.begin() + b * w.rows, together.begin() + (b + 1) * w.rows);
          ASSERT_EQ(bits_of(part), bits_of(multiply(w, row, 1, 0.67F))) << isa_name(level) << " row " << b;
        }
      }
    }
  }
}

// The sum in f64 of the columns that the definition names; the header's bound, with one unit for the last rounding.
TEST(SparseGemv, AgreesWithTheDefinition) {
  const Columns w(DType::f32, 300, 500, 2, 11);
  const auto x = test::normal_values(500, 12);
  const auto* values = reinterpret_cast<const float*>(w.bytes.data());
  for (const float threshold : {kNone, 0.0F, 0.67F, 2.0F}) {
    const auto y = multiply(w, x, 1, threshold);
    for (std::int64_t i = 0; i < w.rows; ++i) {
      double sum = 0;
      double magnitude = 0;
      int active = 0;
      for (std::int64_t j = 0; j < w.cols; ++j) {
        const double input = x[static_cast<std::size_t>(j)];
        if (std::fabs(input) <= static_cast<double>(threshold)) continue;
        const double term = static_cast<double>(values[j * w.stride + i]) * input;
        sum += term;
        magnitude += std::fabs(term);
        ++active;
      }
      ASSERT_NEAR(y[static_cast<std::size_t>(i)], sum, (active + 2) * 0x1p-24 * magnitude) << threshold;
    }
  }
}

TEST(SparseGemv, NanAndInfinityAreActive) {
  const Columns w(DType::bf16, 70, 9, 0, 1);
  for (const float special : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    std::vector<float> x(9, 0.1F);
    x[4] = special;
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      for (const float value : multiply(w, x, 1, 0.5F)) EXPECT_FALSE(std::isfinite(value)) << isa_name(level);
    }
  }
}

TEST(SparseGemv, InactiveColumnsAreNotRead) {
  Columns w(DType::f32, 70, 9, 0, 1);
  auto* values = reinterpret_cast<float*>(w.bytes.data());
  for (std::int64_t i = 0; i < w.rows; ++i) values[3 * w.stride + i] = std::nanf("");
  std::vector<float> x(9, 1.0F);
  x[3] = 0.0F;
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    for (const float value : multiply(w, x, 1, 0.0F)) EXPECT_TRUE(std::isfinite(value)) << isa_name(level);
    for (const float value : multiply(w, x, 1, kNone)) EXPECT_TRUE(std::isnan(value)) << isa_name(level);
  }
}

// Products that share an input, with thresholds of their own, however many threads divide them.
TEST(SparseGemv, ProductsAndThreadsDoNotChangeBits) {
  const Columns q(DType::bf16, 2050, 300, 0, 1);
  const Columns k(DType::f16, 530, 300, 6, 2);
  const Columns v(DType::f32, 65, 300, 0, 3);
  const auto x = test::normal_values(300, 4);
  const int before = thread_count();
  set_thread_count(1);
  const auto expected_q = bits_of(multiply(q, x, 1, 0.3F));
  const auto expected_k = bits_of(multiply(k, x, 1, 0.3F));
  const auto expected_v = bits_of(multiply(v, x, 1, 1.5F));
  for (const int threads : {1, 2, 3, 7}) {
    set_thread_count(threads);
    std::vector<float> yq(2050);
    std::vector<float> yk(530);
    std::vector<float> yv(65);
    const ColumnProduct products[] = {{q.view(), 0.3F, nullptr, {yq.data(), 1, q.rows}, false},
                                      {k.view(), 0.3F, nullptr, {yk.data(), 1, k.rows}, false},
                                      {v.view(), 1.5F, nullptr, {yv.data(), 1, v.rows}, false}};
    sparse_gemv({x.data(), 1, 300}, products);
    EXPECT_EQ(bits_of(yq), expected_q) << threads;
    EXPECT_EQ(bits_of(yk), expected_k) << threads;
    EXPECT_EQ(bits_of(yv), expected_v) << threads;
  }
  set_thread_count(before);
}

// Panels of 512 rows and more; the products of panels are the product, whatever the threads they were made for.
TEST(ColumnPanels, ProductsDoNotDependOnPanels) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t rows : {5, 1023, 1100, 2000}) {
      const std::int64_t cols = 33;
      const auto w = test::random_elements(dtype, rows * cols, 9);
      const auto x = test::normal_values(static_cast<std::size_t>(2 * cols), 3);
      const auto bias = test::normal_values(static_cast<std::size_t>(rows), 4);
      std::vector<std::vector<std::uint32_t>> seen;
      for (const int threads : {1, 2, 3}) {
        const ColumnPanels panels(dtype, w.data(), rows, cols, threads);
        EXPECT_EQ(panels.panel_rows() >= 512 || panels.panel_rows() >= rows, true);
        std::vector<float> y(static_cast<std::size_t>(2 * rows), 1.0F);
        std::vector<ColumnPanels::Part> parts;
        panels.append(0.5F, bias.data(), {y.data(), 2, rows}, true, parts);
        sparse_gemv(MatrixView<const float>(x.data(), 2, cols), parts);
        seen.push_back(bits_of(y));
      }
      EXPECT_EQ(seen[0], seen[1]);
      EXPECT_EQ(seen[0], seen[2]);
      double sum = 0;
      for (std::int64_t j = 0; j < cols; ++j) {
        const std::byte* at = w.data() + static_cast<std::size_t>((rows - 1) * cols + j) * dtype_bytes(dtype);
        float value = 0;
        std::uint16_t half = 0;
        if (dtype == DType::f32) {
          std::memcpy(&value, at, 4);
        } else {
          std::memcpy(&half, at, 2);
          value = dtype == DType::f16 ? f16_to_f32(half) : bf16_to_f32(half);
        }
        const float input = x[static_cast<std::size_t>(j)];
        if (std::fabs(input) > 0.5F) sum += static_cast<double>(value) * static_cast<double>(input);
      }
      // The last row of the first batch row; 35 roundings of sums below 100.
      EXPECT_NEAR(std::bit_cast<float>(seen[0][static_cast<std::size_t>(rows - 1)]),
                  sum + static_cast<double>(bias.back()) + 1.0, 35 * 0x1p-24 * 100);
    }
  }
}

}  // namespace
}  // namespace lacuna::kernels
