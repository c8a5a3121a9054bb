// Reading row bundles (row_bundles.hpp) on the device: where a bundle's blocks lie, and the gaps of a lane's eight
// entries in one, as a byte each.
#pragma once

#include <cstdint>

#include "lacuna/kernels/packed_gemv/row_bundles.hpp"

namespace lacuna::kernels::cuda {

__host__ __device__ constexpr int bundle_block_bytes(int gap_bits) { return 512 + 32 * gap_bits; }

// A bundle's first block.
template <int kGapBits>
__device__ __forceinline__ const unsigned char* find_bundle(const unsigned char* blocks,
                                                            const RowBundles::Stream* streams,
                                                            const std::uint16_t* lengths, int n_streams, int bundle) {
  std::size_t block = streams[bundle % n_streams].first;
  for (int b = bundle % n_streams; b < bundle; b += n_streams) block += lengths[b];
  return blocks + block * bundle_block_bytes(kGapBits);
}

// Of 4 bits.
__device__ __forceinline__ void spread_gaps(std::uint32_t nibbles, std::uint32_t (&gaps)[2]) {
  gaps[0] = nibbles & 0x0f0f0f0fU;
  gaps[1] = nibbles >> 4 & 0x0f0f0f0fU;
}

// Of 6 bits: four gaps, above each the upper bits of another, and the lower bits of those.
__device__ __forceinline__ void spread_gaps(std::uint32_t word, std::uint32_t nibbles, std::uint32_t (&gaps)[2]) {
  gaps[0] = word & 0x3f3f3f3fU;
  gaps[1] = (word >> 2 & 0x30303030U) | (nibbles & 0x0f0fU) | (nibbles << 12 & 0x0f0f0000U);
}

// From global memory.
template <int kGapBits>
__device__ __forceinline__ void load_gaps(const unsigned char* block, int lane, std::uint32_t (&gaps)[2]) {
  const unsigned char* first = block + 512;
  if constexpr (kGapBits == 8) {
    const uint2 both = *reinterpret_cast<const uint2*>(first + lane * 8);
    gaps[0] = both.x;
    gaps[1] = both.y;
  } else if constexpr (kGapBits == 6) {
    spread_gaps(*reinterpret_cast<const std::uint32_t*>(first + lane * 4),
                *reinterpret_cast<const std::uint16_t*>(first + 128 + lane * 2), gaps);
  } else {
    spread_gaps(*reinterpret_cast<const std::uint32_t*>(first + lane * 4), gaps);
  }
}

}  // namespace lacuna::kernels::cuda
