#include "lacuna/kernels/rope/rope.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/random_values.hpp"
#include "support/isa_levels.hpp"

namespace lacuna::kernels {
namespace {

struct Table {
  std::vector<float> cosines;
  std::vector<float> sines;
  std::int64_t half;
  RopeTable view() const {
    const auto positions = static_cast<std::int64_t>(cosines.size()) / half;
    return {{cosines.data(), positions, half}, {sines.data(), positions, half}};
  }
};

Table make_table(std::int64_t positions, std::int64_t half) {
  Table table{{}, {}, half};
  for (std::int64_t p = 0; p < positions; ++p) {
    for (std::int64_t i = 0; i < half; ++i) {
      const double angle =
          static_cast<double>(p) * std::pow(100.0, -static_cast<double>(i) / static_cast<double>(half));
      table.cosines.push_back(static_cast<float>(std::cos(angle)));
      table.sines.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  return table;
}

TEST(Rope, EveryIsaAgreesWithScalar) {
  constexpr std::int64_t kHeads = 3;
  constexpr std::int64_t kLength = 5;
  for (const std::int64_t half : test::lane_edge_lengths()) {
    const std::int64_t d = 2 * half;
    const Table table = make_table(kLength + 4, half);
    const auto x = test::normal_values(static_cast<std::size_t>(2 * kLength * kHeads * d), 6);
    auto expected = x;
    scalar::apply_rope({expected.data(), 2 * kLength, kHeads * d}, d, table.view(), 4, kLength);
    for (const IsaLevel level : test::runnable_isa_levels()) {
      const test::ForcedIsaLevel forced(level);
      auto y = x;
      apply_rope({y.data(), 2 * kLength, kHeads * d}, d, table.view(), 4, kLength);
      for (std::size_t i = 0; i < y.size(); ++i) {
        // Each side is within 2·2⁻²⁴·(|a| + |b|) of the exact value (rope.hpp); |a|, |b| < 5 here.
        ASSERT_NEAR(y[i], expected[i], 2 * 2 * 0x1.0p-24 * 10) << isa_name(level) << " half=" << half;
      }
    }
  }
}

TEST(Rope, PositionsRepeatPerSequenceAndStartWhereTold) {
  const Table table = make_table(3, 1);  // angle = position
  std::vector<float> x = {1, 0, 1, 0, 1, 0, 1, 0};
  apply_rope({x.data(), 4, 2}, 2, table.view(), 1, 2);
  for (const std::size_t row : {0, 2}) {
    EXPECT_NEAR(x[2 * row], std::cos(1.0), 1e-7);  // one rounding of values below 1
    EXPECT_NEAR(x[2 * row + 1], std::sin(1.0), 1e-7);
    EXPECT_NEAR(x[2 * row + 2], std::cos(2.0), 1e-7);
  }
}

}  // namespace
}  // namespace lacuna::kernels
