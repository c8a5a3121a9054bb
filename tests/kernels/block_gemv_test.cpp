#include "lacuna/kernels/block_gemv/block_gemv.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/block_rows.hpp"
#include "kernels/random_values.hpp"
#include "lacuna/core/threads.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

using test::Blocks;
using test::random_blocks;

TEST(BlockGemv, ByHand) {
  // Two rows of two blocks: row 0 has only its second block, 1 to 8; row 1 has nothing.
  Blocks w{DType::f32, 2, 2, {2, 0}, std::vector<std::byte>(32), {0, 1, 1}};
  const float block[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  std::memcpy(w.values.data(), block, 32);
  const float x[16] = {9, 9, 9, 9, 9, 9, 9, 9, 1, 0, 1, 0, 1, 0, 1, 10};
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    std::vector<float> y = {std::nanf(""), 4};
    block_gemv(w.view(), x, y.data());
    EXPECT_EQ(y, (std::vector<float>{96, 0})) << isa_name(level);
    block_gemv(w.view(), x, y.data(), 0.5F, 1.0F);
    EXPECT_EQ(y, (std::vector<float>{144, 0})) << isa_name(level);
  }
}

// Block counts around a word of the bitmap, and rows from full to empty.
TEST(BlockGemv, EveryIsaAgreesWithScalar) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const std::int64_t blocks : test::lane_edge_lengths()) {
      for (const double skipped : {0.0, 0.4, 0.95, 1.0}) {
        const auto w = random_blocks(dtype, 5, blocks, skipped, static_cast<std::uint64_t>(blocks));
        const auto x = test::normal_values(static_cast<std::size_t>(blocks * kBlockFeatures), 7);
        std::vector<float> expected(5);
        scalar::block_gemv(w.view(), x.data(), expected.data());
        // The header's bound; Σ|w·x| of n products of standard normals is below n + 40 here.
        const auto n = static_cast<double>(blocks * kBlockFeatures);
        const double tolerance = (n / 32 + 16) * 0x1p-24 * (n + 40);
        for (const IsaLevel level : test::runnable_isa_levels()) {
          const test::ForcedIsaLevel forced(level);
          std::vector<float> y(5, std::nanf(""));
          block_gemv(w.view(), x.data(), y.data());
          for (std::size_t r = 0; r < y.size(); ++r) {
            ASSERT_NEAR(y[r], expected[r], tolerance)
                << isa_name(level) << " " << dtype_name(dtype) << " blocks=" << blocks << " skipped=" << skipped;
          }
        }
      }
    }
  }
}

TEST(BlockGemv, NanSpreadsThroughStoredBlocksAlone) {
  Blocks w{DType::bf16, 2, 2, {1, 2}, test::random_elements(DType::bf16, 16, 3), {0, 1, 2}};
  std::vector<float> x(16, 1.0F);
  x[2] = std::numeric_limits<float>::quiet_NaN();
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    float y[2] = {};
    block_gemv(w.view(), x.data(), y);
    EXPECT_TRUE(std::isnan(y[0])) << isa_name(level);
    EXPECT_TRUE(std::isfinite(y[1])) << isa_name(level);
  }
}

TEST(BlockGemv, ThreadsDoNotChangeBits) {
  const auto w = random_blocks(DType::bf16, 900, 130, 0.3, 11);
  const auto x = test::normal_values(130 * kBlockFeatures, 12);
  const int before = thread_count();
  std::vector<float> one(900);
  std::vector<float> three(900);
  set_thread_count(1);
  block_gemv(w.view(), x.data(), one.data());
  set_thread_count(3);
  block_gemv(w.view(), x.data(), three.data());
  set_thread_count(before);
  EXPECT_EQ(std::memcmp(one.data(), three.data(), 900 * sizeof(float)), 0);
}

}  // namespace
}  // namespace lacuna::kernels
