#include "lacuna/kernels/packed_gemv/two_four.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "kernels/sparse_matrices.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna::kernels {
namespace {

using test::HalfMatrix;

TEST(TwoFour, ExpandIsTheInverse) {
  for (const std::int64_t rows : {1, 2, 3, 16, 17}) {
    for (const std::int64_t cols : {1, 3, 4, 5, 31, 32, 33, 255, 256, 257, 512, 1376}) {
      const HalfMatrix w = test::random_two_four(rows, cols, 3);
      HalfMatrix back(rows, cols);
      expand_two_four(make_two_four(w.view(), DType::f16), back.view());
      ASSERT_EQ(back.bits, w.bits) << rows << "x" << cols;
    }
  }
}

// The instruction reads the indices of a pair's second row, too: rising ones, also where there is no such row.
TEST(TwoFour, ARowThatIsNotThereHasRisingIndices) {
  const TwoFour packed = make_two_four(test::random_two_four(3, 300, 3).view(), DType::f16);
  const std::uint8_t* last_pair = packed.blocks.data() + packed.blocks_per_pair() * TwoFour::kBlockBytes;
  for (std::int64_t block = 0; block < packed.blocks_per_pair(); ++block) {
    for (std::int64_t at = 512; at < TwoFour::kBlockBytes; at += 4) {
      std::uint32_t word = 0;
      std::memcpy(&word, last_pair + block * TwoFour::kBlockBytes + at, sizeof word);
      ASSERT_EQ(word >> 16U, 0x4444U) << block << " " << at;
      for (unsigned shift = 0; shift < 16; shift += 4) ASSERT_LT(word >> shift & 3U, word >> (shift + 2) & 3U);
    }
  }
}

TEST(TwoFour, TakesNineBitsAPosition) {
  const TwoFour packed = make_two_four(test::random_two_four(64, 4096, 4).view(), DType::f16);
  EXPECT_EQ(packed.blocks.size(), 64U * 4096U * 9U / 8U);
}

TEST(TwoFour, NamesTheRowOfAThirdNonzero) {
  HalfMatrix w = test::random_two_four(5, 64, 5);
  for (std::int64_t c = 8; c < 11; ++c) w.at(3, c) = 0x3c00;
  try {
    make_two_four(w.view(), DType::f16);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_pattern);
    EXPECT_NE(error.message().find("row 3"), std::string::npos) << error.message();
  }
}

}  // namespace
}  // namespace lacuna::kernels
