#include "lacuna/core/permutation.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

std::string refusal(const std::vector<std::int64_t>& order, std::int64_t count) {
  try {
    require_permutation(order, count);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.what();
  }
  return {};
}

TEST(Permutation, TakesEachIndexOnce) {
  EXPECT_EQ(refusal({}, 0), "");
  EXPECT_EQ(refusal({2, 0, 1}, 3), "");
}

TEST(Permutation, SaysWhatIsWrongAndWhere) {
  EXPECT_NE(refusal({0, 1}, 3).find("permutation of 3 features, got 2"), std::string::npos);
  EXPECT_NE(refusal({0, 1, 3}, 3).find("got 3 at entry 2"), std::string::npos);
  EXPECT_NE(refusal({0, -1, 2}, 3).find("got -1 at entry 1"), std::string::npos);
  EXPECT_NE(refusal({0, 2, 2}, 3).find("got 2 again at entry 2"), std::string::npos);
}

}  // namespace
}  // namespace lacuna
