// --order: in which order the features of a matrix are cut into blocks.
#pragma once

#include <functional>
#include <optional>

#include "cli.hpp"
#include "lacuna/cluster/coherence.hpp"

namespace lacuna::cli {

struct OrderArgument {
  std::string order = "stored";  // a name or a file
  std::optional<std::int64_t> feature;
  int k = 16;
};
void add_order_argument(CLI::App& command, OrderArgument& argument);

using MakeOrder = std::function<FeatureOrder(const FeaturePatterns&, std::uint64_t seed)>;

// The argument must outlive the result. Errors: those of the orders; a file that is no list of integers.
MakeOrder order_maker(const OrderArgument& argument, std::int64_t block);

bool is_named_order(const std::string& order);  // false: a file

}  // namespace lacuna::cli
