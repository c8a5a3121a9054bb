// Seeded test values.
#pragma once

#include <cstddef>
#include <vector>

#include "lacuna/core/random.hpp"

namespace lacuna::test {

inline std::vector<float> normal_values(std::size_t n, std::uint64_t seed, double scale = 1.0) {
  Random random(seed);
  std::vector<float> values(n);
  for (auto& value : values) value = static_cast<float>(random.normal() * scale);
  return values;
}

// Lengths around every vector width in use: scalar, 8 and 16 lanes, and four of them.
inline std::vector<std::int64_t> lane_edge_lengths() {
  return {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 127, 128, 129, 200};
}

}  // namespace lacuna::test
