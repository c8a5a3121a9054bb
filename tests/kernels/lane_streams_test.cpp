#include "lacuna/kernels/packed_gemv/lane_streams.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "kernels/sparse_matrices.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna::kernels {
namespace {

using test::HalfMatrix;

HalfMatrix expanded(const LaneStreams& packed) {
  HalfMatrix w(packed.rows, packed.cols);
  expand_lane_streams(packed, w.view());
  return w;
}

TEST(LaneStreams, ExpandIsTheInverse) {
  for (const std::int64_t cols : {1, 7, 8, 31, 32, 33, 64, 255, 256, 300, 1000, 4096}) {
    for (const double zeros : {0.0, 0.3, 0.5, 0.9, 0.99, 1.0}) {
      const HalfMatrix w = test::random_half_matrix(37, cols, zeros, 5);
      for (const int streams : {1, 5, 37, 100}) {
        const LaneStreams packed = make_lane_streams(w.view(), DType::f16, streams);
        ASSERT_EQ(expanded(packed).bits, w.bits) << cols << " columns, zeros " << zeros << ", streams " << streams;
      }
    }
  }
}

// Masks that drive a row's boundaries out of the lanes' windows: all of a row's non-zeros in one corner, and columns of
// very different density.
TEST(LaneStreams, CrowdedCornersSurvive) {
  HalfMatrix w(64, 4096);
  for (std::int64_t r = 0; r < 64; ++r) {
    for (std::int64_t c = 0; c < 4096; ++c) {
      const bool corner = r % 2 == 0 ? c < 600 : c >= 3500;
      if (corner || c % (r + 2) == 0) w.at(r, c) = static_cast<std::uint16_t>(0x3c00 + c % 512);
    }
  }
  EXPECT_EQ(expanded(make_lane_streams(w.view(), DType::bf16, 7)).bits, w.bits);
}

TEST(LaneStreams, MinusZeroIsNotKeptAndNanIs) {
  HalfMatrix w(1, 40);
  w.at(0, 3) = 0x8000;
  w.at(0, 4) = 0x7e00;
  w.at(0, 39) = 0xfc00;
  HalfMatrix expected = w;
  expected.at(0, 3) = 0;
  EXPECT_EQ(expanded(make_lane_streams(w.view(), DType::f16, 1)).bits, expected.bits);
}

TEST(LaneStreams, AMaskRemovesWhatItDoesNotKeep) {
  const HalfMatrix w = test::random_half_matrix(9, 130, 0.2, 8);
  std::vector<std::uint64_t> mask(9 * 3, 0x5555555555555555ULL);
  HalfMatrix expected = w;
  for (std::int64_t r = 0; r < 9; ++r) {
    for (std::int64_t c = 1; c < 130; c += 2) expected.at(r, c) = 0;
  }
  EXPECT_EQ(expanded(make_lane_streams(w.view(), DType::f16, mask.data(), 3, 4)).bits, expected.bits);
}

// 2.5 bytes a non-zero and 34 bytes a row are what no filling would take; lane_streams.hpp promises half a step a row
// more (2 entries of 66). 5 % covers it with the spread of 4096 random bits over 32 lanes.
TEST(LaneStreams, FillingStaysSmallOnRandomMasks) {
  const HalfMatrix w = test::random_half_matrix(256, 4096, 0.5, 6);
  const LaneStreams packed = make_lane_streams(w.view(), DType::f16, 16);
  EXPECT_EQ(packed.gap_bits, 4);
  const double least = 2.5 * static_cast<double>(w.nonzeros()) + 34.0 * 256;
  EXPECT_LT(static_cast<double>(packed.bytes()), 1.05 * least);
  EXPECT_EQ(make_lane_streams(test::random_half_matrix(256, 4096, 0.95, 6).view(), DType::f16, 16).gap_bits, 8);
}

TEST(LaneStreams, SameBytesForEveryThreadCount) {
  const HalfMatrix w = test::random_half_matrix(50, 777, 0.6, 9);
  const int threads = thread_count();
  set_thread_count(1);
  const LaneStreams one = make_lane_streams(w.view(), DType::f16, 11);
  set_thread_count(4);
  const LaneStreams many = make_lane_streams(w.view(), DType::f16, 11);
  set_thread_count(threads);
  ASSERT_EQ(one.blocks.size(), many.blocks.size());
  EXPECT_EQ(std::memcmp(one.blocks.data(), many.blocks.data(), one.blocks.size()), 0);
  EXPECT_EQ(one.row_starts, many.row_starts);
}

TEST(LaneStreams, RefusesWhatItCannotHold) {
  HalfMatrix w(1, 4);
  EXPECT_THROW(make_lane_streams(w.view(), DType::f32, 1), Error);
  EXPECT_THROW(make_lane_streams({w.bits.data(), 0, 4}, DType::f16, 1), Error);
  EXPECT_THROW(make_lane_streams(w.view(), DType::f16, 0), Error);
  const HalfMatrix wide(1, 50000);
  EXPECT_THROW(make_lane_streams(wide.view(), DType::f16, 1), Error);
}

}  // namespace
}  // namespace lacuna::kernels
