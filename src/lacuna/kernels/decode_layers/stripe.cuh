// How a product's outputs are dealt to blocks, eight at a time.
#pragma once

namespace lacuna::kernels::cuda {

constexpr int kMostParts = 3;

struct Stripe {
  int first;  // octet
  int width;  // octets, of gate·up of each
};

// Octets of gate·up are pairs of 32 bytes; others are dealt in pairs, so that a stripe's columns begin with sectors of
// memory.
__host__ __device__ constexpr int stripe_unit(bool gated) { return gated ? 1 : 2; }

// Octets of a block, as even as can be.
__host__ __device__ constexpr Stripe stripe_of(int octets, int block, int blocks, int unit) {
  const int units = (octets + unit - 1) / unit;
  const int first = static_cast<int>(static_cast<long long>(units) * block / blocks) * unit;
  const int end = static_cast<int>(static_cast<long long>(units) * (block + 1) / blocks) * unit;
  return {first < octets ? first : octets, (end < octets ? end : octets) - (first < octets ? first : octets)};
}

}  // namespace lacuna::kernels::cuda
