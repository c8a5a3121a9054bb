// Stored blocks as a GPU reads them, on the host.
#include "lacuna/kernels/block_gemv/block_bundles.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "kernels/block_rows.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna::kernels {
namespace {

using test::Blocks;

// The rows as a dense matrix of bits.
std::vector<std::uint16_t> dense(const Blocks& w) {
  std::vector<std::uint16_t> bits(static_cast<std::size_t>(w.rows * w.blocks * kBlockFeatures));
  const BlockRows rows = w.view();
  for (std::int64_t r = 0; r < w.rows; ++r) {
    const std::byte* value = rows.row_values(r);
    for (std::int64_t g = 0; g < w.blocks; ++g) {
      if ((rows.row_bitmap(r)[g / 64] >> (g % 64) & 1U) == 0) continue;
      std::memcpy(bits.data() + (r * w.blocks + g) * kBlockFeatures, value, 16);
      value += 16;
    }
  }
  return bits;
}

std::vector<std::uint16_t> expanded(const BlockBundles& packed) {
  std::vector<std::uint16_t> bits(static_cast<std::size_t>(packed.rows * packed.blocks * kBlockFeatures), 1);
  expand_block_bundles(packed, {bits.data(), packed.rows, packed.blocks * kBlockFeatures});
  return bits;
}

TEST(BlockBundles, ByHand) {
  // Row 0 stores blocks 0 and 2, row 1 nothing, row 2 block 1: one row a bundle, and the longest first.
  const Blocks w =
      test::make_blocks(DType::bf16, 3, 3, {true, false, true, false, false, false, false, true, false}, 5);
  const BlockBundles packed = make_block_bundles(w.view(), 1);
  EXPECT_EQ(packed.rows_in_bundle, 1);
  EXPECT_EQ(packed.row_order, (std::vector<std::uint32_t>{0, 2, 1}));
  EXPECT_EQ(packed.lengths, (std::vector<std::uint16_t>{1, 1, 0}));
  ASSERT_EQ(packed.n_streams(), 3);
  // Row 0's first two lanes have a block, row 2's first one.
  for (int lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(packed.steps.data()[512 + lane], lane < 2 ? 1 : 0) << lane;
    EXPECT_EQ(packed.steps.data()[BlockBundles::kStepBytes + 512 + lane], lane < 1 ? 1 : 0) << lane;
  }
  EXPECT_EQ(packed.starts[0], -1);
  EXPECT_EQ(packed.starts[1], 1);
  EXPECT_EQ(packed.starts[32], 0);
  EXPECT_EQ(std::memcmp(packed.steps.data() + 16, w.values.data() + 16, 16), 0);
}

TEST(BlockBundles, HoldEveryStoredBlockOnce) {
  for (const int multiprocessors : {1, 5, 132}) {
    for (const std::int64_t rows : {1, 7, 33, 700}) {
      for (const std::int64_t blocks : {1, 9, 64, 130}) {
        for (const double skipped : {0.0, 0.5, 0.97, 1.0}) {
          const Blocks w = test::random_blocks(DType::f16, rows, blocks, skipped, 3);
          const BlockBundles packed = make_block_bundles(w.view(), multiprocessors);
          ASSERT_EQ(expanded(packed), dense(w)) << rows << "x" << blocks << " " << skipped << " " << multiprocessors;
          ASSERT_LE(packed.warps(), BlockBundles::kMostWarps);
        }
      }
    }
  }
}

TEST(BlockBundles, BridgeEveryGap) {
  for (const std::int64_t gap : {1, 253, 254, 255, 256, 508, 509, 762, 763, 8000}) {
    std::vector<bool> keep(BlockBundles::kMostBlocks);
    for (std::size_t g = 0; g < keep.size(); g += static_cast<std::size_t>(gap)) keep[g] = true;
    keep.back() = true;
    const Blocks w = test::make_blocks(DType::bf16, 1, BlockBundles::kMostBlocks, keep, 7);
    EXPECT_EQ(expanded(make_block_bundles(w.view(), 1)), dense(w)) << gap;
  }
}

TEST(BlockBundles, TakeSeventeenBytesABlockAndATwentiethMore) {
  const Blocks w = test::random_blocks(DType::f16, 4096, 512, 0.5, 1);
  const BlockBundles packed = make_block_bundles(w.view(), 132);
  const double stored = static_cast<double>(w.row_starts.back());
  EXPECT_LT(static_cast<double>(packed.bytes()), stored * 17 * 21 / 20);
}

TEST(BlockBundles, TheNumberOfThreadsDoesNotShow) {
  const Blocks w = test::random_blocks(DType::f16, 900, 70, 0.6, 2);
  const int before = thread_count();
  set_thread_count(1);
  const BlockBundles one = make_block_bundles(w.view(), 16);
  set_thread_count(3);
  const BlockBundles three = make_block_bundles(w.view(), 16);
  set_thread_count(before);
  ASSERT_EQ(one.steps.size(), three.steps.size());
  EXPECT_EQ(std::memcmp(one.steps.data(), three.steps.data(), one.steps.size()), 0);
  EXPECT_EQ(one.starts, three.starts);
  EXPECT_EQ(one.row_order, three.row_order);
}

TEST(BlockBundles, RefuseWhatTheyCannotHold) {
  const Blocks good = test::random_blocks(DType::f16, 2, 2, 0.0, 1);
  const auto refused = [&](auto change, int multiprocessors = 1) {
    BlockRows rows = good.view();
    change(rows);
    EXPECT_THROW((void)make_block_bundles(rows, multiprocessors), Error);
  };
  refused([](BlockRows& r) { r.dtype = DType::f32; });
  refused([](BlockRows& r) { r.rows = 0; });
  refused([](BlockRows& r) { r.blocks = 0; });
  refused([](BlockRows& r) { r.blocks = BlockBundles::kMostBlocks + 1; });
  refused([](BlockRows&) {}, 0);
}

}  // namespace
}  // namespace lacuna::kernels
