#include "lacuna/kernels/expand/expand.hpp"

#include <gtest/gtest.h>

#include "kernels/packed_rows.hpp"
#include "kernels/random_values.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

TEST(Expand, ByHand) {
  // Columns 1 and 8 of nine.
  const std::uint8_t bitmap[2] = {0b10, 0b1};
  const std::uint16_t values[2] = {7, 9};
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    std::vector<std::uint16_t> out(9, 0xffff);
    expand_row(2, bitmap, 9, reinterpret_cast<const std::byte*>(values), 2, reinterpret_cast<std::byte*>(out.data()));
    EXPECT_EQ(out, (std::vector<std::uint16_t>{0, 7, 0, 0, 0, 0, 0, 0, 9})) << isa_name(level);
  }
}

TEST(Expand, EveryByteOfMaskPutsValuesInPlace) {
  for (const DType dtype : {DType::bf16, DType::f32}) {
    std::vector<bool> keep;
    for (unsigned mask = 0; mask < 256; ++mask) {
      for (unsigned bit = 0; bit < 8; ++bit) keep.push_back((mask >> bit & 1U) != 0);
    }
    const auto packed = test::pack_rows(dtype, 1, 2048, test::random_elements(dtype, 2048, 1), keep);
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      std::vector<std::byte> out(packed.dense.size());
      expand_rows(packed.view(), 0, 1, out.data());
      EXPECT_EQ(out, packed.dense) << isa_name(level);
    }
  }
}

TEST(Expand, EveryLengthSparsityAndAlignment) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    for (const std::int64_t cols : test::lane_edge_lengths()) {
      for (const double sparsity : {0.0, 0.5, 0.9, 1.0}) {
        const auto keep = test::random_mask(5 * cols, sparsity, static_cast<std::uint64_t>(cols));
        const auto packed = test::pack_rows(dtype, 5, cols, test::random_elements(dtype, 5 * cols, 2), keep, 1);
        for (const IsaLevel level : test::runnable_isa_levels()) {
          const test::ForcedIsaLevel forced(level);
          std::vector<std::byte> out(packed.dense.size(), std::byte{0xee});
          expand_rows(packed.view(), 0, 5, out.data());
          ASSERT_EQ(out, packed.dense) << isa_name(level) << " cols=" << cols << " sparsity=" << sparsity;
        }
      }
    }
  }
}

TEST(Expand, WidensAPartOfTheRowsExactly) {
  const auto packed = test::pack_rows(DType::bf16, 6, 77, test::random_elements(DType::bf16, 6 * 77, 3),
                                      test::random_mask(6 * 77, 0.5, 4));
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    std::vector<float> out(2 * 77);
    expand_rows_f32(packed.view(), 3, 2, out.data());
    for (std::size_t i = 0; i < out.size(); ++i) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, packed.dense.data() + (3 * 77 + i) * 2, 2);
      ASSERT_EQ(out[i], bf16_to_f32(bits)) << isa_name(level);
    }
  }
}

}  // namespace
}  // namespace lacuna::kernels
