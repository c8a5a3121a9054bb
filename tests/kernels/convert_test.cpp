#include "lacuna/kernels/convert/convert.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <limits>

#include "kernels/random_values.hpp"
#include "lacuna/core/error.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

constexpr DType kFloating[] = {DType::f64, DType::f32, DType::f16, DType::bf16, DType::f8_e4m3, DType::f8_e5m2};

// f32 bit patterns that matter to narrow types: every exponent with mantissas around each rounding boundary, NaNs.
std::vector<float> boundary_values() {
  std::vector<float> values;
  for (std::uint32_t high = 0; high < 0x200; ++high) {  // sign and exponent
    for (const std::uint32_t mantissa :
         {0x0U,     0x1U,     0xfffU,   0x1000U,   0x1001U,   0x2fffU,   0x3000U,   0x7fffU,   0x8000U,   0x8001U,
          0x17fffU, 0x18000U, 0x18001U, 0x3fffffU, 0x400000U, 0x7fefffU, 0x7ff000U, 0x7f7fffU, 0x7f8000U, 0x7fffffU}) {
      values.push_back(std::bit_cast<float>((high << 23) | mantissa));
    }
  }
  return values;
}

TEST(Convert, NarrowingGivesTheSpecifiedBitsOnEveryIsa) {
  const auto values = boundary_values();
  const auto n = static_cast<std::int64_t>(values.size());
  for (const DType dtype : kFloating) {
    std::vector<std::byte> expected(values.size() * dtype_bytes(dtype));
    scalar::from_f32(values.data(), n, dtype, expected.data());
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      std::vector<std::byte> out(expected.size());
      from_f32(values.data(), n, dtype, out.data());
      EXPECT_EQ(out, expected) << isa_name(level) << ' ' << dtype_name(dtype);
    }
  }
}

TEST(Convert, WideningEverySixteenBitPatternOnEveryIsa) {
  std::vector<std::uint16_t> bits(65536);
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<std::uint16_t>(i);
  for (const DType dtype : {DType::f16, DType::bf16}) {
    const auto convert = dtype == DType::f16 ? f16_to_f32 : bf16_to_f32;
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      std::vector<float> out(bits.size());
      to_f32(make_tensor_view(dtype, {65536}, bits.data()), out.data());
      for (std::size_t i = 0; i < bits.size(); ++i) {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(convert(bits[i])))
            << isa_name(level) << ' ' << dtype_name(dtype) << ' ' << i;
      }
    }
  }
}

TEST(Convert, LaneEdgesAndMisalignment) {
  const auto values = test::normal_values(200, 51);
  for (const DType dtype : {DType::f16, DType::bf16}) {
    for (const std::int64_t n : test::lane_edge_lengths()) {
      std::vector<std::byte> narrow(2 * static_cast<std::size_t>(n) + 2, std::byte{0xAA});
      from_f32(values.data(), n, dtype, narrow.data() + 1);
      EXPECT_EQ(narrow.back(), std::byte{0xAA});
      std::vector<float> wide(static_cast<std::size_t>(n) + 1, -9.0F);
      to_f32(make_tensor_view(dtype, {n}, narrow.data() + 1), wide.data());
      EXPECT_EQ(wide.back(), -9.0F);
      for (std::int64_t i = 0; i < n; ++i) {
        const auto index = static_cast<std::size_t>(i);
        const float expected =
            dtype == DType::f16 ? f16_to_f32(f32_to_f16(values[index])) : bf16_to_f32(f32_to_bf16(values[index]));
        ASSERT_EQ(wide[index], expected) << dtype_name(dtype) << " n=" << n;
      }
    }
  }
}

TEST(Convert, StridedTensorsComeOutRowMajor) {
  std::vector<std::uint16_t> stored(6);
  for (std::size_t i = 0; i < 6; ++i) stored[i] = f32_to_bf16(static_cast<float>(i));
  TensorView transposed = make_tensor_view(DType::bf16, {3, 2}, stored.data());
  transposed.strides = {1, 3};
  std::vector<float> out(6);
  to_f32(transposed, out.data());
  EXPECT_EQ(out, (std::vector<float>{0, 3, 1, 4, 2, 5}));
}

TEST(Convert, IntegersAreNoTarget) {
  const float value = 1.0F;
  std::byte out[8];
  EXPECT_THROW(from_f32(&value, 1, DType::i32, out), Error);
}

}  // namespace
}  // namespace lacuna::kernels
