// Everything that decides the bytes of a pruned model, and nothing that does not.
//
// The recipe is written as `recipe` into lacuna.json beside the output and into the work folder of a running prune; a
// resumed run and `lacuna verify` compare recipes field by field. Times, paths of outputs and progress are no part of
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lacuna/model/forward.hpp"
#include "lacuna/prune/method.hpp"
#include "lacuna/prune/target.hpp"

namespace lacuna {

struct PruneRecipe {
  std::string model;           // reference as given; for people, not compared
  std::string weights_digest;  // SHA-256 over the weight files in shard order and config.json
  std::string method;
  SparsityTarget target;
  PruneOptions options;
  bool true_sequential = false;
  Compute compute = Compute::f32;
  std::string calibration;         // as given; not compared
  std::string calibration_digest;  // of the drawn tokens; empty for a method without statistics
  std::int64_t samples = 0;
  std::int64_t seqlen = 0;
  std::uint64_t seed = 0;
  int threads = 0;  // float sums depend on it
  std::string isa;
  std::string version;
};

std::string recipe_json(const PruneRecipe& recipe);  // one JSON object, keys in a fixed order
PruneRecipe parse_recipe(const std::string& json);   // throws Error{corrupt_file}
std::optional<std::string> first_difference(const PruneRecipe& a, const PruneRecipe& b);  // "seed: 0 and 1"
std::string recipe_id(const PruneRecipe& recipe);  // 16 hexadecimal digits of its digest

}  // namespace lacuna
