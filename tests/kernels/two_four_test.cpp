#include "lacuna/kernels/packed_gemv/two_four.hpp"

#include <gtest/gtest.h>

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
