#include "lacuna/core/dtype.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lacuna {
namespace {

TEST(DType, NamesRoundTripThroughSafetensors) {
  for (int i = 0; i <= static_cast<int>(DType::boolean); ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(dtype_from_safetensors(safetensors_name(dtype)), dtype);
  }
  EXPECT_FALSE(dtype_from_safetensors("F31").has_value());
}

TEST(DType, EveryNarrowValueSurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const auto b = static_cast<std::uint16_t>(bits);
    if (!std::isnan(f16_to_f32(b))) {
      EXPECT_EQ(f32_to_f16(f16_to_f32(b)), b);
    }
    if (!std::isnan(bf16_to_f32(b))) {
      EXPECT_EQ(f32_to_bf16(bf16_to_f32(b)), b);
    }
  }
  for (std::uint32_t bits = 0; bits < 256; ++bits) {
    const auto b = static_cast<std::uint8_t>(bits);
    if (!std::isnan(f8_e4m3_to_f32(b))) {
      EXPECT_EQ(f32_to_f8_e4m3(f8_e4m3_to_f32(b)), b);
    }
    if (!std::isnan(f8_e5m2_to_f32(b))) {
      EXPECT_EQ(f32_to_f8_e5m2(f8_e5m2_to_f32(b)), b);
    }
  }
}

// Values of IEEE 754 and of arXiv:2209.05433 (FP8 formats), computed by hand.
TEST(DType, KnownValues) {
  EXPECT_EQ(f16_to_f32(0x3c00), 1.0F);
  EXPECT_EQ(f16_to_f32(0x0001), 0x1p-24F);
  EXPECT_EQ(f16_to_f32(0x7bff), 65504.0F);
  EXPECT_EQ(bf16_to_f32(0x3f80), 1.0F);
  EXPECT_EQ(f8_e4m3_to_f32(0x7e), 448.0F);
  EXPECT_TRUE(std::isnan(f8_e4m3_to_f32(0x7f)));
  EXPECT_EQ(f8_e5m2_to_f32(0x7b), 57344.0F);
  EXPECT_TRUE(std::isinf(f8_e5m2_to_f32(0x7c)));
}

TEST(DType, NarrowingRoundsToNearestEven) {
  EXPECT_EQ(f32_to_bf16(1.0F + 0x1p-8F), 0x3f80);      // tie to even: down
  EXPECT_EQ(f32_to_bf16(1.0F + 3 * 0x1p-8F), 0x3f82);  // tie to even: up
  EXPECT_EQ(f32_to_f16(1.0F + 0x1p-11F), 0x3c00);
  EXPECT_EQ(f32_to_f16(1.0F + 3 * 0x1p-11F), 0x3c02);
  EXPECT_EQ(f32_to_f16(65520.0F), 0x7c00);  // halfway to the next: overflows
  EXPECT_EQ(f32_to_f16(65519.0F), 0x7bff);
  EXPECT_EQ(f32_to_f16(0x1p-25F), 0x0000);  // tie to even: zero
  EXPECT_EQ(f32_to_f16(0x1.8p-25F), 0x0001);
  EXPECT_EQ(f32_to_f8_e4m3(464.0F), 0x7e);  // tie between 448 and the NaN slot goes to even
  EXPECT_EQ(f32_to_f8_e4m3(480.0F), 0x7f);
  EXPECT_EQ(f32_to_bf16(std::numeric_limits<float>::infinity()), 0x7f80);
  EXPECT_EQ(f32_to_bf16(std::numeric_limits<float>::quiet_NaN()) & 0x7fc0, 0x7fc0);
}

}  // namespace
}  // namespace lacuna
