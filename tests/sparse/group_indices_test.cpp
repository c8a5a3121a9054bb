#include "lacuna/sparse/group_indices.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <vector>

namespace lacuna {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(GroupIndices, TwoOfFourByHand) {
  // Columns 0 and 3, then 1 and 2: indices 0, 3, 1, 2 in two bits each, the first in the lowest bits.
  Bytes bitmap = {0b0110'1001};
  Bytes indices(1);
  encode_group_row({2, 4}, 8, bitmap, indices);
  EXPECT_EQ(indices, Bytes{0b10'01'11'00});
  Bytes back(1);
  EXPECT_TRUE(decode_group_row({2, 4}, 8, indices, back));
  EXPECT_EQ(back, bitmap);
}

TEST(GroupIndices, AFullerGroupIsMadeOfTheLowestPlaces) {
  Bytes bitmap = {0b0000'1000};  // column 3 only; the second group is empty
  Bytes indices(1);
  encode_group_row({2, 4}, 8, bitmap, indices);
  EXPECT_EQ(bitmap, Bytes{0b0011'1001});
}

TEST(GroupIndices, EveryGroupOfEverySizeComesBack) {
  for (const int group : {2, 4, 8, 16}) {
    for (int kept = 1; kept < group; ++kept) {
      const PackedLayout layout{kept, group};
      for (unsigned pattern = 0; pattern < 1U << group; ++pattern) {
        if (std::popcount(pattern) != kept) continue;
        // Three groups, so that fields start at any bit of a byte; the pattern is the middle one.
        std::uint64_t bits = std::uint64_t{pattern} << group;
        Bytes bitmap(static_cast<std::size_t>(3 * group + 7) / 8);
        for (std::size_t i = 0; i < bitmap.size(); ++i) bitmap[i] = static_cast<std::uint8_t>(bits >> (8 * i));
        Bytes indices(static_cast<std::size_t>(3 * kept * layout.index_bits() + 7) / 8);
        encode_group_row(layout, 3 * group, bitmap, indices);
        Bytes back(bitmap.size());
        ASSERT_TRUE(decode_group_row(layout, 3 * group, indices, back)) << kept << " of " << group << ", " << pattern;
        ASSERT_EQ(back, bitmap);
      }
    }
  }
}

TEST(GroupIndices, IndicesThatDoNotRiseAreRefused) {
  Bytes bitmap(1);
  for (const unsigned first : {0U, 1U, 2U, 3U}) {
    for (const unsigned second : {0U, 1U, 2U, 3U}) {
      const Bytes both = {static_cast<std::uint8_t>(first | second << 2U | 0b0100'0000U)};  // then 0, 1
      EXPECT_EQ(decode_group_row({2, 4}, 8, both, bitmap), first < second);
      const Bytes one = {static_cast<std::uint8_t>(first | second << 2U)};  // a single group: not by the table
      EXPECT_EQ(decode_group_row({2, 4}, 4, one, bitmap), first < second);
    }
  }
}

TEST(GroupIndices, PaddingBitsAreRefused) {
  Bytes bitmap(1);
  EXPECT_TRUE(decode_group_row({2, 4}, 4, Bytes{0b0000'0100}, bitmap));
  EXPECT_FALSE(decode_group_row({2, 4}, 4, Bytes{0b0001'0100}, bitmap));
}

}  // namespace
}  // namespace lacuna
