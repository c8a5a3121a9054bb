#include "lacuna/kernels/widen/widen.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

template <typename T>
const std::byte* bytes_of(const std::vector<T>& values) {
  return reinterpret_cast<const std::byte*>(values.data());
}

TEST(Widen, EverySixteenBitPatternOnEveryIsa) {
  std::vector<std::uint16_t> bits(65536);
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<std::uint16_t>(i);
  for (const DType dtype : {DType::f16, DType::bf16}) {
    const auto convert = dtype == DType::f16 ? f16_to_f32 : bf16_to_f32;
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      std::vector<float> out(bits.size());
      widen(dtype, bytes_of(bits), 1, 65536, out.data());
      for (std::size_t i = 0; i < bits.size(); ++i) {
        const float want = convert(bits[i]);
        if (std::isnan(want)) {  // the processor may set a NaN's quiet bit
          ASSERT_TRUE(std::isnan(out[i])) << i;
        } else {
          ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(want)) << i;
        }
      }
    }
  }
}

TEST(Widen, StridesTailsAndMisalignment) {
  std::vector<std::byte> raw(1 + 2 * 40);
  for (std::size_t i = 0; i < 40; ++i) {
    const std::uint16_t element = f32_to_bf16(static_cast<float>(i));
    std::memcpy(raw.data() + 1 + 2 * i, &element, 2);
  }
  for (std::int64_t n = 0; n <= 40; ++n) {
    std::vector<float> out(41, -1.0F);
    widen(DType::bf16, raw.data() + 1, 1, n, out.data());
    for (std::int64_t i = 0; i < n; ++i) ASSERT_EQ(out[static_cast<std::size_t>(i)], static_cast<float>(i));
    ASSERT_EQ(out[static_cast<std::size_t>(n)], -1.0F);
  }
  std::vector<float> out(4);
  widen(DType::bf16, raw.data() + 1, 10, 4, out.data());
  EXPECT_EQ(out, (std::vector<float>{0, 10, 20, 30}));
  widen(DType::bf16, raw.data() + 1 + 2 * 30, -10, 4, out.data());
  EXPECT_EQ(out, (std::vector<float>{30, 20, 10, 0}));
}

TEST(Widen, NumbersAndBooleans) {
  std::vector<double> out(3);
  widen(DType::i32, bytes_of(std::vector<std::int32_t>{-7, 0, 2147483647}), 1, 3, out.data());
  EXPECT_EQ(out, (std::vector<double>{-7, 0, 2147483647}));
  widen(DType::boolean, bytes_of(std::vector<std::uint8_t>{0, 1, 255}), 1, 3, out.data());
  EXPECT_EQ(out, (std::vector<double>{0, 1, 1}));
  widen(DType::f8_e4m3, bytes_of(std::vector<std::uint8_t>{0x38, 0x80, 0x7E}), 1, 3, out.data());
  EXPECT_EQ(out, (std::vector<double>{1, 0, 448}));
}

}  // namespace
}  // namespace lacuna::kernels
