// Patterns for tests: random ones, hand-written ones, and distances by the definition.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "lacuna/bits/bit_matrix.hpp"
#include "lacuna/core/random.hpp"

namespace lacuna::test {

// One feature per row.
inline BitMatrix random_features(std::int64_t features, std::int64_t rows, std::uint64_t seed, double density = 0.5) {
  Random random(seed);
  BitMatrix bits(features, rows);
  for (std::int64_t f = 0; f < features; ++f) {
    for (std::int64_t r = 0; r < rows; ++r) bits.set(f, r, random.uniform() < density);
  }
  return bits;
}

// "0110": one string per feature.
inline BitMatrix features_of(std::initializer_list<std::string_view> patterns) {
  BitMatrix bits(static_cast<std::int64_t>(patterns.size()), static_cast<std::int64_t>(patterns.begin()->size()));
  std::int64_t f = 0;
  for (const auto pattern : patterns) {
    for (std::size_t r = 0; r < pattern.size(); ++r) bits.set(f, static_cast<std::int64_t>(r), pattern[r] == '1');
    ++f;
  }
  return bits;
}

inline std::uint32_t distance(const BitMatrix& features, std::int64_t a, std::int64_t b) {
  std::uint32_t count = 0;
  for (std::int64_t r = 0; r < features.cols(); ++r) count += features.get(a, r) != features.get(b, r) ? 1 : 0;
  return count;
}

}  // namespace lacuna::test
