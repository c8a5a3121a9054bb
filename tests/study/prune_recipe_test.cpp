#include "lacuna/study/pruning/prune_recipe.hpp"

#include <gtest/gtest.h>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

PruneRecipe example() {
  PruneRecipe recipe;
  recipe.model = "models/a";
  recipe.weights_digest = "00ff";
  recipe.method = "sparsegpt";
  recipe.target = parse_pattern("2:4");
  recipe.options.sparsegpt_damping = 0.1;  // not a binary fraction: must survive the text
  recipe.seed = 7;
  recipe.threads = 2;
  return recipe;
}

TEST(PruneRecipe, SurvivesTheRoundTripThroughJson) {
  const auto again = parse_recipe(recipe_json(example()));
  EXPECT_EQ(recipe_json(again), recipe_json(example()));
  EXPECT_FALSE(first_difference(example(), again).has_value());
}

TEST(PruneRecipe, DifferencesAreNamed) {
  auto other = example();
  other.seed = 8;
  EXPECT_EQ(first_difference(example(), other), "seed: 7 and 8");
  EXPECT_NE(recipe_id(example()), recipe_id(other));
}

TEST(PruneRecipe, WhereTheModelLiesIsNoDifference) {
  auto moved = example();
  moved.model = "elsewhere/a";
  EXPECT_FALSE(first_difference(example(), moved).has_value());
  EXPECT_EQ(recipe_id(example()), recipe_id(moved));
}

TEST(PruneRecipe, DamagedJsonIsAnError) {
  EXPECT_THROW(parse_recipe("{"), Error);
  EXPECT_THROW(parse_recipe("{}"), Error);
  EXPECT_THROW(parse_recipe(R"({"model": 3})"), Error);
}

}  // namespace
}  // namespace lacuna
