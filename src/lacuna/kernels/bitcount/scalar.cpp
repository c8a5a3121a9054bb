#include <bit>

#include "lacuna/kernels/bitcount/bitcount.hpp"

namespace lacuna::kernels::scalar {

std::uint64_t count_bits(const std::uint64_t* a, std::int64_t n) {
  std::uint64_t count = 0;
  for (std::int64_t i = 0; i < n; ++i) count += static_cast<std::uint64_t>(std::popcount(a[i]));
  return count;
}

PairCount count_pair(const std::uint64_t* a, const std::uint64_t* b, std::int64_t n) {
  PairCount count;
  for (std::int64_t i = 0; i < n; ++i) {
    count.a += static_cast<std::uint64_t>(std::popcount(a[i]));
    count.b += static_cast<std::uint64_t>(std::popcount(b[i]));
    count.both += static_cast<std::uint64_t>(std::popcount(a[i] & b[i]));
  }
  return count;
}

}  // namespace lacuna::kernels::scalar
