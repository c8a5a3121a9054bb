#include "lacuna/kernels/bitcount/bitcount.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "lacuna/core/random.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

TEST(BitCount, HandCounted) {
  const std::vector<std::uint64_t> a = {0b1011, ~std::uint64_t{0}};
  const std::vector<std::uint64_t> b = {0b0110, 1};
  EXPECT_EQ(count_bits(a.data(), 2), 67U);
  const PairCount pair = count_pair(a.data(), b.data(), 2);
  EXPECT_EQ(pair.a, 67U);
  EXPECT_EQ(pair.b, 3U);
  EXPECT_EQ(pair.both, 2U);
}

TEST(BitCount, EveryIsaAndLengthAgreesWithScalar) {
  Random random(9);
  std::vector<std::uint64_t> a(41);
  std::vector<std::uint64_t> b(41);
  for (auto& word : a) word = random.next();
  for (auto& word : b) word = random.next() & random.next();
  for (std::int64_t n = 0; n <= 40; ++n) {
    const PairCount want = scalar::count_pair(a.data() + 1, b.data() + 1, n);
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      const PairCount got = count_pair(a.data() + 1, b.data() + 1, n);
      ASSERT_EQ(got.a, want.a) << isa_name(level) << " n " << n;
      ASSERT_EQ(got.b, want.b);
      ASSERT_EQ(got.both, want.both);
      ASSERT_EQ(count_bits(a.data() + 1, n), want.a);
    }
  }
}

}  // namespace
}  // namespace lacuna::kernels
