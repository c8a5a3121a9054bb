#include "lacuna/kernels/hamming/hamming.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/random.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

struct Rows {
  std::int64_t n;
  std::int64_t words;
  std::vector<std::uint64_t> data;
  AlignedBuffer<std::uint64_t> panels;

  Rows(std::int64_t n_, std::int64_t words_, std::uint64_t seed) : n(n_), words(words_) {
    Random random(seed);
    data.resize(static_cast<std::size_t>(n * words));
    for (auto& word : data) word = random.next() | random.next();  // dense, so that byte sums come near their limit
    panels = AlignedBuffer<std::uint64_t>(static_cast<std::size_t>(panel_count(n) * kPanelRows * words));
    interleave_rows(data.data(), n, words, words, panels.data());
  }
  const std::uint64_t* row(std::int64_t r) const { return data.data() + r * words; }
};

std::uint32_t common_bits(const std::uint64_t* a, const std::uint64_t* b, std::int64_t words) {
  std::uint32_t count = 0;
  for (std::int64_t w = 0; w < words; ++w) count += static_cast<std::uint32_t>(std::popcount(a[w] & b[w]));
  return count;
}

TEST(Hamming, PanelsHoldEightRowsWordByWord) {
  const std::vector<std::uint64_t> rows = {1, 2, 3, 4, 5, 6};  // three rows of two words
  std::vector<std::uint64_t> panels(16, 99);
  interleave_rows(rows.data(), 3, 2, 2, panels.data());
  EXPECT_EQ(panels, (std::vector<std::uint64_t>{1, 3, 5, 0, 0, 0, 0, 0, 2, 4, 6, 0, 0, 0, 0, 0}));
}

TEST(Hamming, ScalarCountsFollowTheDefinition) {
  const Rows a(11, 5, 1);
  const Rows b(18, 5, 2);
  std::vector<std::uint32_t> both(16 * 24, 77);
  scalar::and_counts(a.panels.data(), 2, b.panels.data(), 3, 5, both.data(), 24);
  for (std::int64_t i = 0; i < 16; ++i) {
    for (std::int64_t j = 0; j < 24; ++j) {
      const std::uint32_t want = i < a.n && j < b.n ? common_bits(a.row(i), b.row(j), 5) : 0;
      ASSERT_EQ(both[static_cast<std::size_t>(i * 24 + j)], want) << i << " " << j;
    }
  }
}

TEST(Hamming, CountsOnEveryIsaEqualScalar) {
  for (const std::int64_t words : {1, 2, 30, 31, 32, 63, 100}) {
    for (const std::int64_t n : {1, 8, 9, 24, 33}) {
      const Rows a(17, words, 3);
      const Rows b(n, words, 4);
      const std::int64_t stride = panel_count(n) * kPanelRows + 5;
      std::vector<std::uint32_t> want(static_cast<std::size_t>(24 * stride), 7);
      scalar::and_counts(a.panels.data(), 3, b.panels.data(), panel_count(n), words, want.data(), stride);
      for (const IsaLevel level : test::runnable_isa_levels()) {
        const test::ForcedIsaLevel forced(level);
        std::vector<std::uint32_t> got(want.size(), 7);  // what lies between the rows stays as it was
        and_counts(a.panels.data(), 3, b.panels.data(), panel_count(n), words, got.data(), stride);
        ASSERT_EQ(got, want) << isa_name(level) << " words " << words << " rows " << n;
      }
    }
  }
}

TEST(Hamming, ByteSumsDoNotOverflow) {
  constexpr std::int64_t kWords = 70;
  const std::vector<std::uint64_t> full(8 * kWords, ~std::uint64_t{0});
  AlignedBuffer<std::uint64_t> panel(8 * kWords);
  interleave_rows(full.data(), 8, kWords, kWords, panel.data());
  for (const IsaLevel level : test::runnable_isa_levels()) {
    const test::ForcedIsaLevel forced(level);
    std::vector<std::uint32_t> both(64);
    and_counts(panel.data(), 1, panel.data(), 1, kWords, both.data(), 8);
    EXPECT_EQ(both, std::vector<std::uint32_t>(64, kWords * 64)) << isa_name(level);
  }
}

TEST(Hamming, SelectionKeepsOrderAndDropsTheLimitItself) {
  const std::vector<std::uint32_t> ones = {4, 6, 2, 4};
  const std::vector<std::uint32_t> both = {3, 4, 2, 0};  // distances from a row of 4: 2, 2, 2, 8
  std::vector<std::uint32_t> distances(20);
  std::vector<std::uint32_t> indices(20);
  EXPECT_EQ(select_below(both.data(), ones.data(), 4, 4, 2, 10, distances.data(), indices.data()), 0);
  ASSERT_EQ(select_below(both.data(), ones.data(), 4, 4, 8, 10, distances.data(), indices.data()), 3);
  EXPECT_EQ((std::vector<std::uint32_t>{indices[0], indices[1], indices[2]}), (std::vector<std::uint32_t>{10, 11, 12}));
  EXPECT_EQ(distances[2], 2U);
}

TEST(Hamming, SelectionOnEveryIsaEqualsScalar) {
  Random random(5);
  std::vector<std::uint32_t> ones(101);
  std::vector<std::uint32_t> both(101);
  for (auto& x : ones) x = 20 + static_cast<std::uint32_t>(random.below(20));
  for (auto& x : both) x = static_cast<std::uint32_t>(random.below(20));
  for (std::int64_t n = 0; n <= 100; ++n) {
    for (const std::uint32_t limit : {0U, 25U, 200U}) {
      std::vector<std::uint32_t> want_distance(120);
      std::vector<std::uint32_t> want_index(120);
      const auto want = scalar::select_below(both.data() + 1, ones.data() + 1, n, 30, limit, 1000, want_distance.data(),
                                             want_index.data());
      for (const IsaLevel level : test::runnable_isa_levels()) {
        const test::ForcedIsaLevel forced(level);
        std::vector<std::uint32_t> distance(120);
        std::vector<std::uint32_t> index(120);
        ASSERT_EQ(select_below(both.data() + 1, ones.data() + 1, n, 30, limit, 1000, distance.data(), index.data()),
                  want);
        for (std::size_t h = 0; h < static_cast<std::size_t>(want); ++h) {
          ASSERT_EQ(distance[h], want_distance[h]) << isa_name(level) << " n " << n << " limit " << limit;
          ASSERT_EQ(index[h], want_index[h]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace lacuna::kernels
