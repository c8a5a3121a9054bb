// Orders of features: each index once.
//
// Cost     O(count) time and bits.
// Errors   Error{invalid_argument}: another number of entries, or an entry outside [0, count) or met twice.
#pragma once

#include <cstdint>
#include <span>

namespace lacuna {

void require_permutation(std::span<const std::int64_t> order, std::int64_t count);

}  // namespace lacuna
