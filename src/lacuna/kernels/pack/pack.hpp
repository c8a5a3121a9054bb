// The pattern of a run of elements as bits: bit i of the output words is (element i ≠ 0).
//
//   word[i/64] bit i%64 = (bits(x[i]) & mask) ≠ 0     mask: all bits, without the sign for floating types
//
// so −0.0 is zero, NaN and denormals are not, and no element is widened. Elements are 1, 2, 4 or 8 bytes.
//
// Layout   ceil(n/64) words are written; bits beyond n are zero. The input needs no alignment.
// Exact    the same words on every ISA.
// Cost     O(n), no allocation.
// Threads  safe on distinct outputs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lacuna/core/dtype.hpp"

namespace lacuna::kernels {

void pack_nonzero(DType dtype, const std::byte* in, std::int64_t n, std::uint64_t* words);

// The specification.
namespace scalar {
void pack_nonzero(DType dtype, const std::byte* in, std::int64_t n, std::uint64_t* words);
}  // namespace scalar

}  // namespace lacuna::kernels
