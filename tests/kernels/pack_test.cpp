#include "lacuna/kernels/pack/pack.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "lacuna/core/random.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

constexpr std::array kAllDTypes = {DType::f64,     DType::f32, DType::f16, DType::bf16, DType::f8_e4m3,
                                   DType::f8_e5m2, DType::i64, DType::i32, DType::i16,  DType::i8,
                                   DType::u64,     DType::u32, DType::u16, DType::u8,   DType::boolean};

// Elements that are all zero, only the top bit, only the lowest bit, or random; one byte of slack in front.
std::vector<std::byte> raw_elements(std::size_t width, std::size_t n, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::byte> bytes(1 + n * width);
  for (std::size_t i = 0; i < n; ++i) {
    std::byte* element = bytes.data() + 1 + i * width;
    switch (random.below(4)) {
      case 0: break;
      case 1: element[width - 1] = std::byte{0x80}; break;
      case 2: element[0] = std::byte{1}; break;
      default: element[random.below(width)] = static_cast<std::byte>(random.below(256));
    }
  }
  return bytes;
}

// Straight from the definition, a byte at a time.
bool nonzero_by_definition(DType dtype, const std::byte* element) {
  const std::size_t width = dtype_bytes(dtype);
  for (std::size_t b = 0; b + 1 < width; ++b) {
    if (element[b] != std::byte{0}) return true;
  }
  const auto last = std::to_integer<unsigned>(element[width - 1]);
  return (is_floating(dtype) ? last & 0x7FU : last) != 0;
}

TEST(Pack, EveryTypeLengthAndIsaFollowsTheDefinition) {
  for (const DType dtype : kAllDTypes) {
    const std::size_t width = dtype_bytes(dtype);
    for (const std::size_t n : {0U, 1U, 7U, 8U, 63U, 64U, 65U, 127U, 128U, 200U}) {
      const auto bytes = raw_elements(width, n, n + width);
      std::vector<std::uint64_t> want((n + 63) / 64);
      for (std::size_t i = 0; i < n; ++i) {
        if (nonzero_by_definition(dtype, bytes.data() + 1 + i * width)) want[i / 64] |= std::uint64_t{1} << (i % 64);
      }
      for (const IsaLevel level : test::runnable_isa_levels()) {
        const test::ForcedIsaLevel forced(level);
        std::vector<std::uint64_t> got(want.size(), ~std::uint64_t{0});
        pack_nonzero(dtype, bytes.data() + 1, static_cast<std::int64_t>(n), got.data());
        ASSERT_EQ(got, want) << dtype_name(dtype) << " n " << n << " " << isa_name(level);
      }
    }
  }
}

TEST(Pack, NegativeZeroIsZeroAndNanIsNot) {
  const std::array<float, 4> f32 = {-0.0F, __builtin_nanf(""), 1e-45F, 0.0F};
  std::uint64_t word = 0;
  pack_nonzero(DType::f32, reinterpret_cast<const std::byte*>(f32.data()), 4, &word);
  EXPECT_EQ(word, 0b0110U);
  const std::array<std::uint16_t, 3> bf16 = {0x8000, 0x7FC0, 0x0001};
  pack_nonzero(DType::bf16, reinterpret_cast<const std::byte*>(bf16.data()), 3, &word);
  EXPECT_EQ(word, 0b110U);
  const std::array<std::int16_t, 2> i16 = {std::int16_t{-32768}, 0};  // the same bits as −0.0, but a number
  pack_nonzero(DType::i16, reinterpret_cast<const std::byte*>(i16.data()), 2, &word);
  EXPECT_EQ(word, 0b01U);
}

}  // namespace
}  // namespace lacuna::kernels
