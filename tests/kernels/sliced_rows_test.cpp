#include "lacuna/kernels/packed_gemv/sliced_rows.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "kernels/packed_rows.hpp"
#include "kernels/random_values.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/packed_gemv/packed_gemv.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

constexpr DType kTypes[] = {DType::f32, DType::f16, DType::bf16};

std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

test::OwnedPackedRows random_rows(DType dtype, std::int64_t rows, std::int64_t cols, double sparsity,
                                  std::size_t shift = 0) {
  return test::pack_rows(dtype, rows, cols, test::random_elements(dtype, rows * cols, 6),
                         test::random_mask(rows * cols, sparsity, static_cast<std::uint64_t>(cols)), shift);
}

// What the steps hold, put back to its places.
std::vector<std::byte> put_back(const SlicedRows& w, std::vector<int>& taken) {
  const std::size_t width = dtype_bytes(w.source.dtype);
  std::vector<std::byte> dense(static_cast<std::size_t>(w.source.rows * w.source.cols) * width);
  taken.assign(static_cast<std::size_t>(w.source.rows * w.source.cols), 0);
  for (std::int64_t s = 0; s < w.slices(); ++s) {
    for (auto b = w.starts[static_cast<std::size_t>(s)]; b < w.starts[static_cast<std::size_t>(s) + 1]; ++b) {
      const std::byte* block = w.blocks.data() + b * w.block_bytes();
      for (std::size_t i = 0; i < 64; ++i) {
        const std::int64_t row = w.row_of[static_cast<std::size_t>(s) * 16 + i % 16];
        const std::int64_t col = w.windows[b] * 16 + static_cast<std::int64_t>(block[64 * width + i]);
        const std::byte zero[4] = {};
        if (std::memcmp(block + i * width, zero, width) == 0) continue;
        const auto at = static_cast<std::size_t>(row * w.source.cols + col);
        ++taken.at(at);
        std::memcpy(dense.data() + at * width, block + i * width, width);
      }
    }
  }
  return dense;
}

TEST(SlicedRows, ByHand) {
  // [0 2 0; 3 0 4] · [10 1 100]
  const std::vector<float> dense = {0, 2, 0, 3, 0, 4};
  std::vector<std::byte> bytes(24);
  std::memcpy(bytes.data(), dense.data(), 24);
  const auto w = test::pack_rows(DType::f32, 2, 3, bytes, {false, true, false, true, false, true});
  const auto sliced = make_sliced_rows(w.view());
  EXPECT_EQ(sliced.starts, (std::vector<std::uint64_t>{0, 1}));
  EXPECT_EQ(sliced.row_of[0], 0);  // one value
  EXPECT_EQ(sliced.row_of[1], 1);
  EXPECT_EQ(sliced.row_of[2], -1);
  const float x[3] = {10, 1, 100};
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    std::vector<float> y = {5, std::nanf("")};
    sliced_gemv(sliced, x, y.data());
    EXPECT_EQ(y, (std::vector<float>{2, 430})) << isa_name(level);
    sliced_gemv(sliced, x, y.data(), 2.0F, -1.0F);
    EXPECT_EQ(y, (std::vector<float>{2, 430})) << isa_name(level);
  }
}

TEST(SlicedRows, EveryValueOnceAtItsPlace) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t cols : {1, 31, 32, 33, 127, 128, 129, 160, 161, 1000}) {
      for (const double sparsity : {0.0, 0.5, 0.9, 1.0}) {
        const auto w = random_rows(dtype, 1 + cols % 37, cols, sparsity, 1);
        std::vector<int> taken;
        ASSERT_EQ(put_back(make_sliced_rows(w.view()), taken), w.dense)
            << dtype_name(dtype) << " cols=" << cols << " sparsity=" << sparsity;
        for (const int n : taken) ASSERT_LE(n, 1);
      }
    }
  }
}

// Made lane by lane or all lanes at once: byte for byte the same. Rows of uneven lengths, empty and full ones; values
// that end with their memory.
TEST(SlicedRows, EveryIsaMakesTheSameBlocks) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t cols : {1, 3, 64, 127, 128, 129, 1000, 65407, 65408}) {
      for (const double sparsity : {0.0, 0.5, 0.9, 0.99, 1.0}) {
        const std::int64_t rows = cols > 60000 ? 3 : 37;
        auto keep = test::random_mask(rows * cols, sparsity, 9);
        for (std::int64_t i = 0; i < rows * cols; ++i) {
          if (i / cols % 5 == 2) keep[static_cast<std::size_t>(i)] = i / cols == 2;
        }
        const auto w = test::pack_rows(dtype, rows, cols, test::random_elements(dtype, rows * cols, 6), keep, 1);
        std::vector<SlicedRows> made;
        for (const IsaLevel level : test::runnable_isa_levels()) {
          const test::ForcedIsaLevel forced(level);
          made.push_back(make_sliced_rows(w.view()));
          const SlicedRows& a = made.front();
          const SlicedRows& b = made.back();
          ASSERT_EQ(a.starts, b.starts) << isa_name(level) << " cols=" << cols << " sparsity=" << sparsity;
          ASSERT_EQ(a.row_of, b.row_of);
          ASSERT_TRUE(std::equal(a.windows.begin(), a.windows.end(), b.windows.begin(), b.windows.end()));
          ASSERT_TRUE(std::equal(a.blocks.begin(), a.blocks.end(), b.blocks.begin(), b.blocks.end()))
              << isa_name(level) << " cols=" << cols << " sparsity=" << sparsity;
        }
      }
    }
  }
}

// All products agree with sums in f64, and the levels among themselves bit by bit.
TEST(SlicedRows, EveryIsaGivesTheSameBits) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t cols : test::lane_edge_lengths()) {
      for (const double sparsity : {0.0, 0.5, 0.9, 1.0}) {
        const std::int64_t rows = 1 + cols % 35;
        const auto w = random_rows(dtype, rows, cols, sparsity, 1);
        const auto sliced = make_sliced_rows(w.view());
        const auto x = test::normal_values(static_cast<std::size_t>(cols), 7);
        std::vector<float> exact(static_cast<std::size_t>(rows), 2.0F);
        scalar::packed_gemv(w.view(), x.data(), exact.data(), 1.5F, 1.0F);
        std::vector<float> expected(static_cast<std::size_t>(rows), 2.0F);
        scalar::sliced_gemv(sliced, x.data(), expected.data(), 1.5F, 1.0F);
        // The header's bound; Σ|w·x| of standard normals is below 2 a column for more than a few, 20 for those; twice
        // for alpha.
        const double tolerance =
            2 * (static_cast<double>(cols) / 2 + 8) * 0x1p-24 * (2.0 * static_cast<double>(cols) + 20);
        for (std::size_t r = 0; r < exact.size(); ++r) ASSERT_NEAR(expected[r], exact[r], tolerance) << "cols=" << cols;
        for (const IsaLevel level : test::runnable_isa_levels()) {
          const test::ForcedIsaLevel forced(level);
          std::vector<float> y(static_cast<std::size_t>(rows), 2.0F);
          sliced_gemv(sliced, x.data(), y.data(), 1.5F, 1.0F);
          ASSERT_EQ(bits_of(y), bits_of(expected))
              << isa_name(level) << " " << dtype_name(dtype) << " cols=" << cols << " sparsity=" << sparsity;
        }
      }
    }
  }
}

// Chunks of inputs, whole and not, pairs of slices and a last one, and an input that goes another way than the others.
TEST(SlicedRows, EveryInputOfABatchHasItsOwnBits) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t rows : {1, 17, 40, 90}) {
      for (const std::int64_t inputs : {1, 2, 3, 8, 9}) {
        constexpr std::int64_t kCols = 515;
        const auto w = random_rows(dtype, rows, kCols, 0.9, 1);
        const auto sliced = make_sliced_rows(w.view());
        auto values = test::normal_values(static_cast<std::size_t>(inputs * (kCols + 3)), 7);
        if (inputs == 3) values[kCols + 3 + 100] = std::numeric_limits<float>::infinity();
        const MatrixView<const float> x(values.data(), inputs, kCols, kCols + 3);
        for (const IsaLevel level : test::runnable_isa_levels()) {
          const test::ForcedIsaLevel forced(level);
          std::vector<float> expected(static_cast<std::size_t>(inputs * (rows + 2)), 2.0F);
          std::vector<float> y = expected;
          for (std::int64_t j = 0; j < inputs; ++j) {
            sliced_gemv(sliced, x.row(j), expected.data() + j * (rows + 2), 1.5F, 1.0F);
          }
          sliced_gemv_batch(sliced, x, {y.data(), inputs, rows, rows + 2}, 1.5F, 1.0F);
          ASSERT_EQ(bits_of(y), bits_of(expected))
              << isa_name(level) << " " << dtype_name(dtype) << " rows=" << rows << " inputs=" << inputs;
        }
      }
    }
  }
}

TEST(SlicedRows, NanAndInfinityMeetZerosAsInDense) {
  std::vector<bool> keep(20 * 130, false);
  keep[5] = true;
  const auto w = test::pack_rows(DType::bf16, 20, 130, test::random_elements(DType::bf16, 20 * 130, 1), keep);
  const auto sliced = make_sliced_rows(w.view());
  for (const float special : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    for (const std::size_t at : {0U, 63U, 129U}) {
      std::vector<float> x(130, 1.0F);
      x[at] = special;
      for (const IsaLevel level : test::runnable_isa_levels()) {
        const test::ForcedIsaLevel forced(level);
        std::vector<float> y(20);
        sliced_gemv(sliced, x.data(), y.data());
        for (const float value : y) EXPECT_TRUE(std::isnan(value)) << isa_name(level) << " at " << at;
      }
    }
  }
}

TEST(SlicedRows, NotFiniteWeightsStayInTheirRow) {
  const std::vector<float> dense = {1, std::numeric_limits<float>::infinity(), std::nanf(""), 0, 0, 3};
  std::vector<std::byte> bytes(24);
  std::memcpy(bytes.data(), dense.data(), 24);
  const auto w = test::pack_rows(DType::f32, 3, 2, bytes, {true, true, true, false, false, true});
  const auto sliced = make_sliced_rows(w.view());
  const float x[2] = {1, 2};
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    std::vector<float> y(3);
    sliced_gemv(sliced, x, y.data());
    EXPECT_TRUE(std::isinf(y[0]));
    EXPECT_TRUE(std::isnan(y[1]));
    EXPECT_EQ(y[2], 6.0F);
  }
}

TEST(SlicedRows, OneFullRowAmongEmptyOnes) {
  constexpr std::int64_t kCols = 300;
  std::vector<bool> keep(40 * kCols, false);
  for (std::int64_t c = 0; c < kCols; ++c) keep[static_cast<std::size_t>(17 * kCols + c)] = true;
  const auto w = test::pack_rows(DType::f16, 40, kCols, test::random_elements(DType::f16, 40 * kCols, 1), keep);
  const auto sliced = make_sliced_rows(w.view());
  EXPECT_EQ(sliced.starts, (std::vector<std::uint64_t>{0, 0, 0, kCols / 4}));
  std::vector<int> taken;
  EXPECT_EQ(put_back(sliced, taken), w.dense);
}

TEST(SlicedRows, ThreadsChangeNothing) {
  const auto w = random_rows(DType::bf16, 700, 1030, 0.9);
  const auto x = test::normal_values(1030, 4);
  const int before = thread_count();
  std::vector<float> one(700);
  std::vector<float> three(700);
  set_thread_count(1);
  const auto alone = make_sliced_rows(w.view());
  sliced_gemv(alone, x.data(), one.data());
  set_thread_count(3);
  const auto together = make_sliced_rows(w.view());
  sliced_gemv(together, x.data(), three.data());
  set_thread_count(before);
  EXPECT_EQ(bits_of(one), bits_of(three));
  ASSERT_EQ(alone.blocks.size(), together.blocks.size());
  EXPECT_EQ(std::memcmp(alone.blocks.data(), together.blocks.data(), alone.blocks.size()), 0);
}

TEST(SlicedRows, AreMadeWhereTheyAreFaster) {
  const auto half = random_rows(DType::bf16, 64, 256, 0.5);
  const auto few = random_rows(DType::bf16, 64, 256, 0.9);
  std::vector<bool> keep(64 * 256, false);  // lane 0 alone is full
  for (std::size_t c = 0; c < 256; ++c) keep[c] = true;
  const auto uneven = test::pack_rows(DType::bf16, 64, 256, test::random_elements(DType::bf16, 64 * 256, 1), keep);
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    EXPECT_EQ(make_slices_if_faster(half.view()), nullptr);
    EXPECT_EQ(make_slices_if_faster(uneven.view()), nullptr);
    EXPECT_EQ(make_slices_if_faster(few.view()) != nullptr, level >= IsaLevel::avx2) << isa_name(level);
  }
}

}  // namespace
}  // namespace lacuna::kernels
