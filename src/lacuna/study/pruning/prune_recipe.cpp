#include "lacuna/study/pruning/prune_recipe.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lacuna/core/digest.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const PruneRecipe& recipe) {
  return {{"model", recipe.model},
          {"weights_digest", recipe.weights_digest},
          {"method", recipe.method},
          {"sparsity", recipe.target.sparsity},
          {"n", recipe.target.n},
          {"m", recipe.target.m},
          {"wanda_use_variant", recipe.options.wanda_use_variant},
          {"sparsegpt_block_size", recipe.options.sparsegpt_block_size},
          {"sparsegpt_damping", recipe.options.sparsegpt_damping},
          {"true_sequential", recipe.true_sequential},
          {"compute", compute_name(recipe.compute)},
          {"calibration", recipe.calibration},
          {"calibration_digest", recipe.calibration_digest},
          {"samples", recipe.samples},
          {"seqlen", recipe.seqlen},
          {"seed", recipe.seed},
          {"threads", recipe.threads},
          {"isa", recipe.isa},
          {"version", recipe.version}};
}

Json compared(const PruneRecipe& recipe) {
  Json json = to_json(recipe);
  json.erase("model");
  json.erase("calibration");
  return json;
}

}  // namespace

std::string recipe_json(const PruneRecipe& recipe) { return to_json(recipe).dump(2); }

PruneRecipe parse_recipe(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    PruneRecipe recipe;
    recipe.model = json.at("model");
    recipe.weights_digest = json.at("weights_digest");
    recipe.method = json.at("method");
    const int n = json.at("n");
    recipe.target = n == 0 ? unstructured(json.at("sparsity")) : n_of_m(n, json.at("m"));
    recipe.options.wanda_use_variant = json.at("wanda_use_variant");
    recipe.options.sparsegpt_block_size = json.at("sparsegpt_block_size");
    recipe.options.sparsegpt_damping = json.at("sparsegpt_damping");
    recipe.true_sequential = json.at("true_sequential");
    recipe.compute = parse_compute(json.at("compute").get<std::string>());
    recipe.calibration = json.at("calibration");
    recipe.calibration_digest = json.at("calibration_digest");
    recipe.samples = json.at("samples");
    recipe.seqlen = json.at("seqlen");
    recipe.seed = json.at("seed");
    recipe.threads = json.at("threads");
    recipe.isa = json.at("isa");
    recipe.version = json.at("version");
    return recipe;
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::corrupt_file, fmt::format("recipe: {}", error.what()));
  }
}

std::optional<std::string> first_difference(const PruneRecipe& a, const PruneRecipe& b) {
  const Json left = compared(a);
  const Json right = compared(b);
  for (const auto& [key, value] : left.items()) {
    if (value != right.at(key)) return fmt::format("{}: {} and {}", key, value.dump(), right.at(key).dump());
  }
  return std::nullopt;
}

std::string recipe_id(const PruneRecipe& recipe) {
  const std::string text = compared(recipe).dump();
  return sha256_hex(std::as_bytes(std::span(text.data(), text.size()))).substr(0, 16);
}

}  // namespace lacuna
