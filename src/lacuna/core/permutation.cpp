#include "lacuna/core/permutation.hpp"

#include <fmt/format.h>

#include <vector>

#include "lacuna/core/error.hpp"

namespace lacuna {

void require_permutation(std::span<const std::int64_t> order, std::int64_t count) {
  if (static_cast<std::int64_t>(order.size()) != count) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("order: expected a permutation of {} features, got {} entries", count, order.size()));
  }
  std::vector<bool> seen(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool inside = order[i] >= 0 && order[i] < count;
    if (!inside || seen[static_cast<std::size_t>(order[i])]) {
      throw Error(ErrorCode::invalid_argument, fmt::format("order: expected each of 0 to {} once, got {}{} at entry {}",
                                                           count - 1, order[i], inside ? " again" : "", i));
    }
    seen[static_cast<std::size_t>(order[i])] = true;
  }
}

}  // namespace lacuna
