// Damage at random, for the tests that compare verdicts with a reference.
#pragma once

#include <cstdint>
#include <string>

#include "lacuna/core/random.hpp"

namespace lacuna::test {

// One or two changes: a byte set, a bit flipped, a run removed, doubled or copied elsewhere; every second one within
// the first `head` bytes, where the structure is.
std::string mutate(std::string bytes, Random& rng, std::size_t head);

int mutation_count(int usual);  // LACUNA_MUTATIONS overrides it, for a long search

}  // namespace lacuna::test
