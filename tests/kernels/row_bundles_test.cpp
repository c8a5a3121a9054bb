#include "lacuna/kernels/packed_gemv/row_bundles.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "kernels/sparse_matrices.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna::kernels {
namespace {

using test::HalfMatrix;

HalfMatrix expanded(const RowBundles& packed) {
  HalfMatrix w(packed.rows, packed.cols);
  expand_row_bundles(packed, w.view());
  return w;
}

TEST(RowBundles, ExpandIsTheInverse) {
  for (const std::int64_t cols : {1, 7, 8, 31, 32, 33, 64, 255, 256, 300, 1000, 4096}) {
    for (const double zeros : {0.0, 0.3, 0.5, 0.9, 0.99, 1.0}) {
      const HalfMatrix w = test::random_half_matrix(37, cols, zeros, 5);
      for (const int multiprocessors : {1, 5, 100}) {
        for (const bool pairs : {false, true}) {
          const RowBundles packed = make_row_bundles(w.view(), DType::f16, multiprocessors, pairs);
          ASSERT_EQ(expanded(packed).bits, w.bits)
              << cols << " columns, zeros " << zeros << ", multiprocessors " << multiprocessors;
        }
      }
    }
  }
}

// All of a row's non-zeros in one corner, and columns of very different density.
TEST(RowBundles, CrowdedCornersSurvive) {
  HalfMatrix w(64, 4096);
  for (std::int64_t r = 0; r < 64; ++r) {
    for (std::int64_t c = 0; c < 4096; ++c) {
      const bool corner = r % 2 == 0 ? c < 600 : c >= 3500;
      if (corner || c % (r + 2) == 0) w.at(r, c) = static_cast<std::uint16_t>(0x3c00 + c % 512);
    }
  }
  EXPECT_EQ(expanded(make_row_bundles(w.view(), DType::bf16, 7)).bits, w.bits);
}

TEST(RowBundles, MinusZeroIsNotKeptAndNanIs) {
  HalfMatrix w(1, 40);
  w.at(0, 3) = 0x8000;
  w.at(0, 4) = 0x7e00;
  w.at(0, 39) = 0xfc00;
  HalfMatrix expected = w;
  expected.at(0, 3) = 0;
  EXPECT_EQ(expanded(make_row_bundles(w.view(), DType::f16, 1)).bits, expected.bits);
}

TEST(RowBundles, AMaskRemovesWhatItDoesNotKeep) {
  const HalfMatrix w = test::random_half_matrix(9, 130, 0.2, 8);
  std::vector<std::uint64_t> mask(9 * 3, 0x5555555555555555ULL);
  HalfMatrix expected = w;
  for (std::int64_t r = 0; r < 9; ++r) {
    for (std::int64_t c = 1; c < 130; c += 2) expected.at(r, c) = 0;
  }
  EXPECT_EQ(expanded(make_row_bundles(w.view(), DType::f16, mask.data(), 3, 4)).bits, expected.bits);
}

TEST(RowBundles, LongGapsAreBridged) {
  for (const std::int64_t gap : {15, 16, 255, 256, 510, 511, 5000}) {
    HalfMatrix w(4, 6000);
    for (std::int64_t r = 0; r < 4; ++r) {
      for (std::int64_t i = 0; i < 33; ++i) w.at(r, r + i) = 0x3c00;  // the last lane meets the gap
      w.at(r, r + 32) = 0;
      w.at(r, r + 31 + gap) = 0x4000;
    }
    EXPECT_EQ(expanded(make_row_bundles(w.view(), DType::f16, 1)).bits, w.bits) << gap;
    EXPECT_EQ(expanded(make_row_bundles(w.view(), DType::f16, 132)).bits, w.bits) << gap;
  }
}

// 64 entries in 8 lanes fill one block each. A last gap one wider than 4 or 6 bits makes all wider, which takes less
// than one more entry for every lane; one wider than 8 bits takes that entry, and with it a second block.
TEST(RowBundles, AGapThatFitsTakesNoEntry) {
  for (const auto& [gap, bits, blocks] :
       {std::array{15, 4, 1}, {16, 6, 1}, {63, 6, 1}, {64, 8, 1}, {255, 8, 1}, {256, 8, 2}}) {
    HalfMatrix w(1, 400);
    for (std::int64_t i = 0; i < 63; ++i) w.at(0, i) = 0x3c00;
    w.at(0, 62 + gap) = 0x4000;
    const RowBundles packed = make_row_bundles(w.view(), DType::f16, 1);
    ASSERT_EQ(packed.lanes_a_row(), 8);
    EXPECT_EQ(packed.gap_bits, bits) << gap;
    EXPECT_EQ(packed.lengths[0], blocks) << gap;
    EXPECT_EQ(expanded(packed).bits, w.bits) << gap;
  }
}

// The first lane of 127 entries has 15: two gaps of 15 leave room for the one entry that bridges them. Wider gaps would
// take more than the next one.
TEST(RowBundles, AGapOfManyTakesOneEntryLessThanItHas) {
  for (const auto& [gap, blocks] : {std::pair{30, 2}, {31, 3}}) {
    HalfMatrix w(1, 400);
    for (std::int64_t i = 0; i < 127; ++i) w.at(0, i < 6 ? i : i + gap - 1) = 0x3c00;
    const RowBundles packed = make_row_bundles(w.view(), DType::f16, 1);
    EXPECT_EQ(packed.gap_bits, 4);
    EXPECT_EQ(packed.lengths[0], blocks) << gap;
    EXPECT_EQ(expanded(packed).bits, w.bits) << gap;
  }
}

// The gap before entry k of a lane, as the header lays it out.
int gap_at(const RowBundles& packed, const std::uint8_t* block, std::size_t lane, std::size_t k) {
  const std::uint8_t* gaps = block + 512;
  if (packed.gap_bits == 8) return gaps[8 * lane + k];
  const int own = gaps[4 * lane + k % 4];
  if (packed.gap_bits == 4) return own >> (k < 4 ? 0 : 4) & 15;
  if (k < 4) return own & 63;
  return own >> 6 << 4 | (gaps[128 + 2 * lane + k % 2] >> (k < 6 ? 0 : 4) & 15);
}

// The kernel reads an input for every entry, also for those that fill a lane up: each must lie inside the row.
TEST(RowBundles, FillingPointsAtTheLastEntry) {
  for (const std::int64_t cols : {1, 8, 33, 255, 1000}) {
    for (const double zeros : {0.0, 0.5, 0.9, 0.99, 1.0}) {
      const RowBundles packed = make_row_bundles(test::random_half_matrix(37, cols, zeros, 5).view(), DType::f16, 3);
      for (std::size_t s = 0; s < packed.streams.size(); ++s) {
        const std::uint8_t* block =
            packed.blocks.data() + packed.streams[s].first * static_cast<std::size_t>(packed.block_bytes());
        for (std::size_t b = s; b < packed.lengths.size(); b += packed.streams.size()) {
          std::vector<std::int64_t> column(packed.starts.begin() + static_cast<std::ptrdiff_t>(32 * b),
                                           packed.starts.begin() + static_cast<std::ptrdiff_t>(32 * b + 32));
          for (int k = 0; k < packed.lengths[b]; ++k, block += packed.block_bytes()) {
            for (std::size_t lane = 0; lane < 32; ++lane) {
              for (std::size_t e = 0; e < 8; ++e) {
                column[lane] += gap_at(packed, block, lane, e);
                ASSERT_LT(column[lane], cols) << cols << " columns, zeros " << zeros << ", lane " << lane;
              }
            }
          }
        }
      }
    }
  }
}

// 2.5 bytes a non-zero and 16 of starts a row are what no filling would take; half a block of 8 a bundle, and the
// fullest of four rows of 2048 ± 32 non-zeros, are 4 in 256 and 33 in 2048.
TEST(RowBundles, FillingStaysSmallOnRandomMasks) {
  const HalfMatrix w = test::random_half_matrix(256, 4096, 0.5, 6);
  const RowBundles packed = make_row_bundles(w.view(), DType::f16, 2);
  EXPECT_EQ(packed.gap_bits, 4);
  EXPECT_EQ(packed.rows_in_bundle, 4);
  const double least = 2.5 * static_cast<double>(w.nonzeros()) + 16.0 * 256;
  EXPECT_LT(static_cast<double>(packed.bytes()), 1.05 * least);
}

// At random places 4 bits are too few for one gap of 32,768 at 50 % zeros, of 200 at 70 %, but of 5 at 90 %, where 6
// bits are for one of 760; at 99 % these are too few for one of two, 8 bits for one of 13.
TEST(RowBundles, GapsAreAsWideAsTakesFewestBytes) {
  for (const auto& [zeros, bits] : {std::pair{0.5, 4}, {0.7, 4}, {0.9, 6}, {0.99, 8}}) {
    const HalfMatrix w = test::random_half_matrix(64, 4096, zeros, 6);
    const RowBundles packed = make_row_bundles(w.view(), DType::f16, 2);
    EXPECT_EQ(packed.gap_bits, bits) << zeros;
    EXPECT_EQ(expanded(packed).bits, w.bits) << zeros;
  }
}

// The rows that share a bundle are about as long, so that none waits for another; a pair's two lie side by side.
TEST(RowBundles, RowsAreOrderedByTheirLength) {
  HalfMatrix w(40, 512);
  for (std::int64_t r = 0; r < 40; ++r) {
    for (std::int64_t c = 0; c < r / 2 * 8; ++c) w.at(r, c) = 0x3c00;
  }
  const RowBundles packed = make_row_bundles(w.view(), DType::f16, 1);
  ASSERT_EQ(packed.rows_in_bundle, 4);
  for (std::uint32_t i = 0; i < 40; ++i) EXPECT_EQ(packed.row_order[i], 38 - i / 2 * 2 + i % 2) << i;
  const RowBundles pairs = make_row_bundles(w.view(), DType::f16, 1, true);
  for (std::size_t i = 0; i < 40; i += 2) {
    EXPECT_EQ(pairs.row_order[i] % 2, 0U) << i;
    EXPECT_EQ(pairs.row_order[i + 1], pairs.row_order[i] + 1) << i;
  }
  EXPECT_EQ(expanded(packed).bits, w.bits);
  const RowBundles odd = make_row_bundles({w.bits.data(), 39, 512, 512}, DType::f16, 1, true);
  EXPECT_EQ(odd.row_order[38], 38U);  // half a pair comes last, however long
}

// As many streams a multiprocessor as warps share its input, or one a bundle.
TEST(RowBundles, StreamsFallEvenlyToMultiprocessors) {
  const HalfMatrix w = test::random_half_matrix(320, 4096, 0.5, 6);
  const RowBundles even = make_row_bundles(w.view(), DType::f16, 4);  // 20 bundles of four rows each
  EXPECT_EQ(even.rows_in_bundle, 4);
  EXPECT_EQ(even.warps(), 20);
  EXPECT_EQ(even.n_streams(), 80);
  EXPECT_EQ(make_row_bundles(w.view(), DType::f16, 1000).n_streams(), 320);
  const RowBundles one = make_row_bundles(w.view(), DType::f16, 1);
  EXPECT_EQ(one.n_streams(), one.warps());
}

TEST(RowBundles, SameBytesForEveryThreadCount) {
  const HalfMatrix w = test::random_half_matrix(50, 777, 0.6, 9);
  const int threads = thread_count();
  set_thread_count(1);
  const RowBundles one = make_row_bundles(w.view(), DType::f16, 3);
  set_thread_count(4);
  const RowBundles many = make_row_bundles(w.view(), DType::f16, 3);
  set_thread_count(threads);
  ASSERT_EQ(one.blocks.size(), many.blocks.size());
  EXPECT_EQ(std::memcmp(one.blocks.data(), many.blocks.data(), one.blocks.size()), 0);
  EXPECT_EQ(one.starts, many.starts);
  EXPECT_EQ(one.lengths, many.lengths);
}

TEST(RowBundles, RefusesWhatItCannotHold) {
  HalfMatrix w(1, 4);
  EXPECT_THROW(make_row_bundles(w.view(), DType::f32, 1), Error);
  EXPECT_THROW(make_row_bundles({w.bits.data(), 0, 4}, DType::f16, 1), Error);
  EXPECT_THROW(make_row_bundles(w.view(), DType::f16, 0), Error);
  const HalfMatrix wide(1, 70000);
  EXPECT_THROW(make_row_bundles(wide.view(), DType::f16, 1), Error);
}

}  // namespace
}  // namespace lacuna::kernels
