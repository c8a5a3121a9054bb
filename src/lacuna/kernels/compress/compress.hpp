// What of a run is not zero, close together: the opposite of expansion.
//
//   compress_each   of runs of 64 elements of 16 bits: a bitmap of those that are not zero, and those
//   list_ones       the places of a bitmap's ones
//
//   words[r] bit i = (in[r, i] ≠ 0),  ends[r] = in[r, i] where it is, in order
//   columns = i where bit i%8 of bitmap[i/8] is 1, in order
//
// Layout   nothing but `in` needs alignment. Whole vectors are written: up to kSurplus elements behind the last value
//          and column hold anything afterwards.
// Exact    elements are moved, never interpreted: −0.0 is not zero. The same on every ISA.
// Cost     one pass, the same for every share of zeros.
// Threads  safe on distinct outputs.
// Errors   none.
// Source   kernels/compress/README.md.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lacuna::kernels {

inline constexpr std::int64_t kSurplus = 64;  // elements

// in: runs×64. The words of 8 bytes lie word_stride bytes apart; ends[r] is moved behind the values written to it.
void compress_each(const std::uint16_t* in, std::int64_t runs, std::byte* words, std::int64_t word_stride,
                   std::byte** ends);

// ceil(n/8) bytes are read, bits beyond n must be zero; n ≤ 65536. Returns how many columns there are.
std::int64_t list_ones(const std::uint8_t* bitmap, std::int64_t n, std::uint16_t* columns);

// The specification.
namespace scalar {
void compress_each(const std::uint16_t* in, std::int64_t runs, std::byte* words, std::int64_t word_stride,
                   std::byte** ends);
std::int64_t list_ones(const std::uint8_t* bitmap, std::int64_t n, std::uint16_t* columns);
}  // namespace scalar

}  // namespace lacuna::kernels
