// Transposes a 64×64 block of bits in place: bit j of word i becomes bit i of word j. Internal to bits.
//
// Six rounds exchange ever smaller off-diagonal squares, 32×32 down to 1×1 (Warren, Hacker's Delight, 7-3).
#pragma once

#include <cstdint>

namespace lacuna {

inline void transpose_block(std::uint64_t* words) {
  std::uint64_t mask = 0x00000000FFFFFFFFU;
  for (unsigned size = 32; size != 0; size >>= 1U, mask ^= mask << size) {
    for (unsigned k = 0; k < 64; k = ((k | size) + 1) & ~size) {
      const std::uint64_t exchange = ((words[k] >> size) ^ words[k | size]) & mask;
      words[k] ^= exchange << size;
      words[k | size] ^= exchange;
    }
  }
}

}  // namespace lacuna
