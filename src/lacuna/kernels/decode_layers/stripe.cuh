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
__host__ __device__ constexpr Stripe stripe_of(int octets, bool gated, int block, int blocks) {
  const int unit = stripe_unit(gated);
  const int units = (octets + unit - 1) / unit;
  const int first = static_cast<int>(static_cast<long long>(units) * block / blocks) * unit;
  const int end = static_cast<int>(static_cast<long long>(units) * (block + 1) / blocks) * unit;
  return {first < octets ? first : octets, (end < octets ? end : octets) - (first < octets ? first : octets)};
}

// What lies at a slot of a stripe: which part's, and which of its octets. A product has n_parts parts, each with a
// first_octet, or is gated: two parts with the same octets, the first one's slots first.
struct StripePlace {
  int part = 0;
  int octet;

  template <typename Product>
  __device__ __forceinline__ StripePlace(const Product& product, const Stripe& stripe, int slot)
      : octet(stripe.first + slot) {
    if (product.gated) {
      part = slot < stripe.width ? 0 : 1;
      octet -= part * stripe.width;
      return;
    }
    while (part + 1 < product.n_parts && octet >= product.parts[part + 1].first_octet) ++part;
    octet -= product.parts[part].first_octet;
  }
};

}  // namespace lacuna::kernels::cuda
