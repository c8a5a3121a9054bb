#include "lacuna/activations/greedy.hpp"

#include <gtest/gtest.h>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

TEST(Greedy, RaisesWhatHarmsLeast) {
  // Two linears of one size; the second is three times as sensitive. Convex, so the greedy path is the best one.
  const std::int64_t sizes[] = {100, 100};
  const auto error = [](std::span<const double> s) { return s[0] * s[0] + 3 * s[1] * s[1]; };
  const auto path = allocate_greedily(sizes, 0.1, 0.2, error);
  // Marginal costs of steps: first .01 .03 .05 …, second .03 .09 …: 1, 1 (tie at .03 to the first), 2, 1
  ASSERT_EQ(path.size(), 5U);
  EXPECT_EQ(path[0].effective, 0.0);
  EXPECT_NEAR(path[1].sparsities[0], 0.1, 1e-12);
  EXPECT_NEAR(path.back().sparsities[0] + path.back().sparsities[1], 0.4, 1e-12);
  EXPECT_NEAR(path.back().sparsities[0], 0.3, 1e-12);
  EXPECT_NEAR(path.back().effective, 0.2, 1e-12);
  EXPECT_DOUBLE_EQ(path.back().error, error(path.back().sparsities));
}

TEST(Greedy, StepsDropEqualNumbersOfWeights) {
  const std::int64_t sizes[] = {100, 400};
  const auto path = allocate_greedily(sizes, 0.2, 0.5, [](std::span<const double> s) { return s[1]; });
  for (std::size_t i = 1; i < path.size(); ++i) EXPECT_NEAR(path[i].effective - path[i - 1].effective, 0.04, 1e-12);
  EXPECT_NEAR(path.back().sparsities[0], 1.0, 1e-9);  // free, so it is used up first
}

TEST(Greedy, StopsWhereEveryLinearIsAtItsLimit) {
  const std::int64_t sizes[] = {1, 1};
  const auto path = allocate_greedily(sizes, 0.4, 0.99, [](std::span<const double>) { return 1.0; });
  EXPECT_NEAR(path.back().effective, 0.8, 1e-12);
}

TEST(Greedy, ClosestStepIsTheEarlierOfTwo) {
  std::vector<GreedyStep> path(3);
  path[1].effective = 0.2;
  path[2].effective = 0.4;
  EXPECT_EQ(&closest_step(path, 0.29), &path[1]);
  EXPECT_EQ(&closest_step(path, 0.1), &path[0]);
  EXPECT_EQ(&closest_step(path, 0.9), &path[2]);
}

TEST(Greedy, RefusesWhatHasNoAnswer) {
  const std::int64_t size = 1;
  const std::int64_t none = 0;
  const auto error = [](std::span<const double>) { return 0.0; };
  EXPECT_THROW(allocate_greedily({}, 0.1, 0.5, error), Error);
  EXPECT_THROW(allocate_greedily({&none, 1}, 0.1, 0.5, error), Error);
  EXPECT_THROW(allocate_greedily({&size, 1}, 0.0, 0.5, error), Error);
  EXPECT_THROW(allocate_greedily({&size, 1}, 0.1, 1.0, error), Error);
}

}  // namespace
}  // namespace lacuna
