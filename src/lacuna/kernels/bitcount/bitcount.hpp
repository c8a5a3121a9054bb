// Counts of set bits in words and in pairs of words.
//
//   count_bits   Σ popcount(a[i])
//   count_pair   the same for a, b, a∧b            (|a∨b| = a + b − both, |a⊕b| = a + b − 2·both)
//
// Exact    the same integers on every ISA.
// Cost     O(n), no allocation; in cache bound by VPOPCNTDQ, from memory by bandwidth.
// Threads  reads only.
#pragma once

#include <cstdint>

namespace lacuna::kernels {

struct PairCount {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::uint64_t both = 0;
};

std::uint64_t count_bits(const std::uint64_t* a, std::int64_t n);
PairCount count_pair(const std::uint64_t* a, const std::uint64_t* b, std::int64_t n);

// The specification.
namespace scalar {
std::uint64_t count_bits(const std::uint64_t* a, std::int64_t n);
PairCount count_pair(const std::uint64_t* a, const std::uint64_t* b, std::int64_t n);
}  // namespace scalar

}  // namespace lacuna::kernels
