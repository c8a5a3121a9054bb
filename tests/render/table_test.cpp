#include "lacuna/render/table.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lacuna {
namespace {

TEST(CountText, GroupsThousands) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1000), "1,000");
  EXPECT_EQ(count_text(28672), "28,672");
  EXPECT_EQ(count_text(-1234567), "−1,234,567");
  EXPECT_EQ(count_text(std::numeric_limits<std::int64_t>::min()), "−9,223,372,036,854,775,808");
}

TEST(NumberText, RoundsAndGroups) {
  EXPECT_EQ(number_text(18.335, 1), "18.3");
  EXPECT_EQ(number_text(39214.29, 2), "39,214.29");
  EXPECT_EQ(number_text(-0.5, 2), "−0.50");
  EXPECT_EQ(number_text(-0.001, 2), "0.00");  // no minus before zero
}

TEST(NumberText, NamesWhatIsNoNumber) {
  EXPECT_EQ(number_text(NAN, 2), "–");
  EXPECT_EQ(number_text(INFINITY, 2), "∞");
  EXPECT_EQ(number_text(-INFINITY, 2), "−∞");
  EXPECT_FALSE(number_cell(NAN, 2).number.has_value());
  EXPECT_EQ(number_cell(INFINITY, 2).number, INFINITY);
}

TEST(PercentText, KeepsNumberAndSignTogether) { EXPECT_EQ(percent_text(0.5), "50.0\u00A0%"); }

}  // namespace
}  // namespace lacuna
