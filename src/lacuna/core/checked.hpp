// Overflow-checked arithmetic for sizes and offsets that come from files.
//
// Absence of a value means overflow; the caller turns it into an Error that names the file and the field.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace lacuna {

inline std::optional<std::uint64_t> checked_add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

inline std::optional<std::uint64_t> checked_mul(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// Product of all factors; 1 for none. A zero factor does not hide an overflow of the others.
inline std::optional<std::uint64_t> checked_product(std::span<const std::int64_t> factors) {
  std::uint64_t nonzero_product = 1;
  bool zero = false;
  for (const auto factor : factors) {
    if (factor < 0) return std::nullopt;
    if (factor == 0) {
      zero = true;
      continue;
    }
    const auto next = checked_mul(nonzero_product, static_cast<std::uint64_t>(factor));
    if (!next) return std::nullopt;
    nonzero_product = *next;
  }
  return zero ? 0 : nonzero_product;
}

// True when [offset, offset + length) lies inside [0, size).
inline bool range_inside(std::uint64_t offset, std::uint64_t length, std::uint64_t size) {
  return offset <= size && length <= size - offset;
}

}  // namespace lacuna
