// Random patterns for the clustering tests: independent bits, or bits near one of several centres.
#pragma once

#include <vector>

#include "lacuna/bits/bit_matrix.hpp"
#include "lacuna/core/random.hpp"

namespace lacuna::test {

inline BitMatrix random_bits(std::int64_t points, std::int64_t dimensions, double density, std::uint64_t seed) {
  Random random(seed);
  BitMatrix bits(points, dimensions);
  for (std::int64_t i = 0; i < points; ++i) {
    for (std::int64_t d = 0; d < dimensions; ++d) bits.set(i, d, random.uniform() < density);
  }
  return bits;
}

// Point i lies near centre i mod `centres`: each bit is flipped with probability `noise`.
inline BitMatrix planted_bits(std::int64_t points, std::int64_t dimensions, int centres, double noise,
                              std::uint64_t seed) {
  const BitMatrix centre = random_bits(centres, dimensions, 0.5, seed);
  Random random(seed + 1);
  BitMatrix bits(points, dimensions);
  for (std::int64_t i = 0; i < points; ++i) {
    for (std::int64_t d = 0; d < dimensions; ++d)
      bits.set(i, d, centre.get(i % centres, d) != (random.uniform() < noise));
  }
  return bits;
}

}  // namespace lacuna::test
