#include "lacuna/kernels/packed_gemv/packed_gemv.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/packed_rows.hpp"
#include "kernels/random_values.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/gemv/gemv.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

constexpr DType kTypes[] = {DType::f32, DType::f16, DType::bf16};

void dense_gemv(const test::OwnedPackedRows& w, const float* x, float* y, float alpha, float beta) {
  const auto* words = reinterpret_cast<const std::uint16_t*>(w.dense.data());
  if (w.dtype == DType::bf16) return gemv_bf16({words, w.rows, w.cols}, x, y, alpha, beta);
  if (w.dtype == DType::f16) return gemv_f16({words, w.rows, w.cols}, x, y, alpha, beta);
  gemv({reinterpret_cast<const float*>(w.dense.data()), w.rows, w.cols}, x, y, alpha, beta);
}

void dense_gemv_batch(const test::OwnedPackedRows& w, MatrixView<const float> x, MatrixView<float> y, float alpha,
                      float beta) {
  const auto* words = reinterpret_cast<const std::uint16_t*>(w.dense.data());
  if (w.dtype == DType::bf16) return gemv_batch_bf16({words, w.rows, w.cols}, x, y, alpha, beta);
  if (w.dtype == DType::f16) return gemv_batch_f16({words, w.rows, w.cols}, x, y, alpha, beta);
  gemv_batch({reinterpret_cast<const float*>(w.dense.data()), w.rows, w.cols}, x, y, alpha, beta);
}

std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

TEST(PackedGemv, ByHand) {
  // [0 2 0; 3 0 4] · [10 1 100]
  const std::vector<float> dense = {0, 2, 0, 3, 0, 4};
  std::vector<std::byte> bytes(24);
  std::memcpy(bytes.data(), dense.data(), 24);
  const auto w = test::pack_rows(DType::f32, 2, 3, bytes, {false, true, false, true, false, true});
  const float x[3] = {10, 1, 100};
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    std::vector<float> y = {5, std::nanf("")};
    packed_gemv(w.view(), x, y.data());
    EXPECT_EQ(y, (std::vector<float>{2, 430})) << isa_name(level);
    packed_gemv(w.view(), x, y.data(), 2.0F, -1.0F);
    EXPECT_EQ(y, (std::vector<float>{2, 430})) << isa_name(level);
  }
}

// The header's promise, over lengths around every block, sparsities from all kept to all zero, misaligned values that
// end with their allocation, and row counts around the four that run together.
TEST(PackedGemv, SameBitsAsDense) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t cols : test::lane_edge_lengths()) {
      for (const double sparsity : {0.0, 0.5, 0.9, 1.0}) {
        const std::int64_t rows = 3 + cols % 5;
        const auto keep = test::random_mask(rows * cols, sparsity, static_cast<std::uint64_t>(cols));
        const auto w = test::pack_rows(dtype, rows, cols, test::random_elements(dtype, rows * cols, 6), keep, 1);
        const auto x = test::normal_values(static_cast<std::size_t>(cols), 7);
        for (const IsaLevel level : test::runnable_isa_levels()) {
          const test::ForcedIsaLevel forced(level);
          std::vector<float> expected(static_cast<std::size_t>(rows), 2.0F);
          std::vector<float> y = expected;
          dense_gemv(w, x.data(), expected.data(), 1.5F, 1.0F);
          packed_gemv(w.view(), x.data(), y.data(), 1.5F, 1.0F);
          ASSERT_EQ(bits_of(y), bits_of(expected))
              << isa_name(level) << " " << dtype_name(dtype) << " cols=" << cols << " sparsity=" << sparsity;
        }
      }
    }
  }
}

// Batches of one to more than are taken at once, over columns around blocks and around the tiles that a batch of each
// size has, rows around pairs and groups, and a stride in x and y.
TEST(PackedGemv, EveryInputOfABatchHasItsOwnBits) {
  for (const DType dtype : kTypes) {
    for (const std::int64_t cols : {0, 1, 31, 64, 95, 511, 512, 577, 1030, 2050}) {
      for (const std::int64_t inputs : {1, 2, 3, 4, 5, 7, 8, 9}) {
        const std::int64_t rows = 7 + (cols + inputs) % 13;
        const double sparsity = inputs == 3 ? 0.0 : inputs == 5 ? 1.0 : 0.6;
        const auto keep = test::random_mask(rows * cols, sparsity, static_cast<std::uint64_t>(cols));
        const auto w = test::pack_rows(dtype, rows, cols, test::random_elements(dtype, rows * cols, 6), keep, 1);
        const auto values = test::normal_values(static_cast<std::size_t>(inputs * (cols + 3)), 7);
        const MatrixView<const float> x(values.data(), inputs, cols, cols + 3);
        for (const IsaLevel level : test::runnable_isa_levels()) {
          const test::ForcedIsaLevel forced(level);
          std::vector<float> expected(static_cast<std::size_t>(inputs * (rows + 2)), 2.0F);
          std::vector<float> packed = expected;
          std::vector<float> dense = expected;
          for (std::int64_t j = 0; j < inputs; ++j) {
            packed_gemv(w.view(), x.row(j), expected.data() + j * (rows + 2), 1.5F, 1.0F);
          }
          packed_gemv_batch(w.view(), x, {packed.data(), inputs, rows, rows + 2}, 1.5F, 1.0F);
          dense_gemv_batch(w, x, {dense.data(), inputs, rows, rows + 2}, 1.5F, 1.0F);
          const auto what =
              fmt::format("{} {} {}x{}, {} inputs", isa_name(level), dtype_name(dtype), rows, cols, inputs);
          ASSERT_EQ(bits_of(packed), bits_of(expected)) << what;
          ASSERT_EQ(bits_of(dense), bits_of(expected)) << what;
        }
      }
    }
  }
}

TEST(PackedGemv, EveryIsaAgreesWithScalar) {
  constexpr std::int64_t kRows = 9;
  constexpr std::int64_t kCols = 1000;
  for (const DType dtype : kTypes) {
    const auto w = test::pack_rows(dtype, kRows, kCols, test::random_elements(dtype, kRows * kCols, 8),
                                   test::random_mask(kRows * kCols, 0.5, 9));
    const auto x = test::normal_values(kCols, 10);
    std::vector<float> expected(kRows);
    scalar::packed_gemv(w.view(), x.data(), expected.data());
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      std::vector<float> y(kRows);
      packed_gemv(w.view(), x.data(), y.data());
      // gemv.hpp's bound at 8 lanes; Σ|w·x| of 1,000 products of standard normals, half of them zero, is below 1,000.
      const double tolerance = (kCols / 32.0 + 8) * 0x1p-24 * 1000;
      for (std::size_t r = 0; r < kRows; ++r) ASSERT_NEAR(y[r], expected[r], tolerance) << isa_name(level);
    }
  }
}

TEST(PackedGemv, NanAndInfinityMeetZerosAsInDense) {
  std::vector<bool> keep(4 * 130, false);
  keep[5] = true;
  const auto w = test::pack_rows(DType::bf16, 4, 130, test::random_elements(DType::bf16, 4 * 130, 1), keep);
  for (const float special : {std::numeric_limits<float>::infinity(), std::nanf("")}) {
    for (const std::size_t at : {0U, 63U, 129U}) {
      std::vector<float> x(130, 1.0F);
      x[at] = special;
      for (const IsaLevel level : test::runnable_isa_levels()) {
        const test::ForcedIsaLevel forced(level);
        std::vector<float> y(4);
        packed_gemv(w.view(), x.data(), y.data());
        for (const float value : y) EXPECT_TRUE(std::isnan(value)) << isa_name(level) << " at " << at;
      }
    }
  }
}

TEST(PackedGemv, ThreadsDoNotChangeBits) {
  constexpr std::int64_t kRows = 700;
  constexpr std::int64_t kCols = 1030;
  const auto w = test::pack_rows(DType::bf16, kRows, kCols, test::random_elements(DType::bf16, kRows * kCols, 3),
                                 test::random_mask(kRows * kCols, 0.7, 5));
  const auto x = test::normal_values(kCols, 4);
  const int before = thread_count();
  std::vector<float> one(kRows);
  std::vector<float> three(kRows);
  set_thread_count(1);
  packed_gemv(w.view(), x.data(), one.data());
  set_thread_count(3);
  packed_gemv(w.view(), x.data(), three.data());
  set_thread_count(before);
  EXPECT_EQ(bits_of(one), bits_of(three));
}

}  // namespace
}  // namespace lacuna::kernels
