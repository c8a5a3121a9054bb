#include "lacuna/kernels/compress/compress.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/packed_rows.hpp"
#include "kernels/random_values.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

// Two runs; the words lie 16 bytes apart.
TEST(Compress, ByHand) {
  std::vector<std::uint16_t> in(128);
  in[1] = 7;
  in[8] = 0x8000;
  in[63] = 9;
  in[64] = 5;
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    std::vector<std::uint64_t> words = {1, 2, 3, 4};
    std::vector<std::uint16_t> first(3 + kSurplus);
    std::vector<std::uint16_t> second(1 + kSurplus);
    std::byte* ends[] = {reinterpret_cast<std::byte*>(first.data()), reinterpret_cast<std::byte*>(second.data())};
    compress_each(in.data(), 2, reinterpret_cast<std::byte*>(words.data()), 16, ends);
    EXPECT_EQ(words, (std::vector<std::uint64_t>{0x8000000000000102U, 2, 1, 4})) << isa_name(level);
    EXPECT_EQ(ends[0], reinterpret_cast<std::byte*>(first.data() + 3));
    EXPECT_EQ(ends[1], reinterpret_cast<std::byte*>(second.data() + 1));
    first.resize(3);
    EXPECT_EQ(first, (std::vector<std::uint16_t>{7, 0x8000, 9})) << isa_name(level);
    EXPECT_EQ(second[0], 5);
  }
}

TEST(Compress, ListsOnesByHand) {
  const std::uint8_t bitmap[] = {0b10000010, 0, 0b1};
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    std::vector<std::uint16_t> columns(3 + kSurplus);
    EXPECT_EQ(list_ones(bitmap, 17, columns.data()), 3);
    columns.resize(3);
    EXPECT_EQ(columns, (std::vector<std::uint16_t>{1, 7, 16})) << isa_name(level);
  }
}

// No more than kSurplus elements behind the last are touched, nothing before the first; outputs at odd addresses.
TEST(Compress, EveryShareOfZerosOnEveryIsa) {
  for (const double zeros : {0.0, 0.5, 0.9, 1.0}) {
    const std::int64_t runs = 65;
    const auto packed = test::pack_rows(DType::bf16, runs, 64, test::random_elements(DType::bf16, runs * 64, 1),
                                        test::random_mask(runs * 64, zeros, 2));
    std::vector<std::uint16_t> in(runs * 64);
    std::memcpy(in.data(), packed.dense.data(), in.size() * 2);
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      std::vector<std::byte> words(runs * 8 + 1);
      for (std::size_t r = 0; r < runs; ++r) {
        const auto count = packed.view().row_count(static_cast<std::int64_t>(r));
        std::vector<std::byte> values(1 + 2 * (count + kSurplus));
        std::byte* end = values.data() + 1;
        compress_each(in.data() + 64 * r, 1, words.data() + 1 + 8 * r, 8, &end);
        ASSERT_EQ(end, values.data() + 1 + 2 * count) << isa_name(level);
        ASSERT_EQ(values[0], std::byte{0});
        const auto* expected = packed.values.data() + packed.row_starts[r] * 2;
        ASSERT_TRUE(std::equal(values.data() + 1, end, expected)) << isa_name(level) << " " << zeros;
      }
      ASSERT_EQ(words[0], std::byte{0});
      for (std::size_t i = 1; i < words.size(); ++i) {
        ASSERT_EQ(words[i], static_cast<std::byte>(packed.bitmap[i - 1])) << isa_name(level);
      }
    }
  }
}

TEST(Compress, ListsOnesOfEveryLengthOnEveryIsa) {
  std::vector<std::int64_t> lengths = test::lane_edge_lengths();
  lengths.push_back(65536);
  for (const std::int64_t n : lengths) {
    for (const double zeros : {0.0, 0.5, 0.9, 1.0}) {
      const auto packed = test::pack_rows(DType::bf16, 1, n, std::vector<std::byte>(static_cast<std::size_t>(n) * 2),
                                          test::random_mask(n, zeros, 3));
      std::vector<std::uint16_t> expected(packed.values.size() / 2);
      scalar::list_ones(packed.bitmap.data(), n, expected.data());
      for (const IsaLevel level : test::runnable_isa_levels()) {
        const test::ForcedIsaLevel forced(level);
        std::vector<std::uint16_t> columns(expected.size() + kSurplus);
        columns.resize(static_cast<std::size_t>(list_ones(packed.bitmap.data(), n, columns.data())));
        ASSERT_EQ(columns, expected) << isa_name(level) << " n=" << n << " zeros " << zeros;
      }
    }
  }
}

// A word of few ones, then full and empty ones, and the other way about: what the first says of the others is wrong.
TEST(Compress, ListsOnesWhereTheirShareChanges) {
  for (const std::int64_t first : {1, 24, 25, 64}) {
    std::vector<bool> keep(64 * 6);
    for (std::int64_t i = 0; i < std::ssize(keep); ++i) {
      const std::int64_t word = i / 64;
      keep[static_cast<std::size_t>(i)] = word == 0 ? i < first : word % 3 == 1 || (word % 3 == 2 && i % 64 < 33);
    }
    const auto packed = test::pack_rows(DType::bf16, 1, 64 * 6, std::vector<std::byte>(64 * 6 * 2), keep);
    std::vector<std::uint16_t> expected(packed.values.size() / 2);
    scalar::list_ones(packed.bitmap.data(), 64 * 6, expected.data());
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      std::vector<std::uint16_t> columns(expected.size() + kSurplus);
      columns.resize(static_cast<std::size_t>(list_ones(packed.bitmap.data(), 64 * 6, columns.data())));
      ASSERT_EQ(columns, expected) << isa_name(level) << " after " << first;
    }
  }
}

}  // namespace
}  // namespace lacuna::kernels
