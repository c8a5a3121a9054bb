#include <cstring>
#include <limits>

#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/pack/pack.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "lacuna/kernels/pack/simd.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, which redefines HWY_TARGET for each pass over this file.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lacuna::kernels::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_SCALAR  // the fallback entry of the dispatch table; use_simd() never lets it run

void pack(DType dtype, const std::byte* in, std::int64_t n, std::uint64_t* words) {
  scalar::pack_nonzero(dtype, in, n, words);
}

#else

namespace hn = hwy::HWY_NAMESPACE;

// A word of the output at a time: 64 elements are a whole number of vectors for every element size.
template <typename Bits>
HWY_INLINE void pack_bits(DType dtype, const std::byte* in, std::int64_t n, std::uint64_t* words) {
  const hn::ScalableTag<Bits> d;
  const hn::Repartition<std::uint8_t, decltype(d)> d_bytes;
  constexpr std::int64_t kLanes = HWY_MAX_BYTES / sizeof(Bits);
  const Bits all = std::numeric_limits<Bits>::max();
  const auto mask = hn::Set(d, is_floating(dtype) ? static_cast<Bits>(all >> 1U) : all);
  std::int64_t i = 0;
  for (; i + 64 <= n; i += 64) {
    const auto* base = reinterpret_cast<const std::uint8_t*>(in) + i * static_cast<std::int64_t>(sizeof(Bits));
    std::uint64_t word = 0;
    for (std::int64_t at = 0; at < 64; at += kLanes) {
      const auto elements = hn::BitCast(d, hn::LoadU(d_bytes, base + at * static_cast<std::int64_t>(sizeof(Bits))));
      std::uint8_t bits[8] = {};  // StoreMaskBits writes at least one byte, at most eight
      hn::StoreMaskBits(d, hn::Ne(hn::And(elements, mask), hn::Zero(d)), bits);
      std::uint64_t part = 0;
      std::memcpy(&part, bits, sizeof(part));
      word |= part << static_cast<unsigned>(at);
    }
    words[i / 64] = word;
  }
  scalar::pack_nonzero(dtype, in + i * static_cast<std::int64_t>(sizeof(Bits)), n - i, words + i / 64);
}

void pack(DType dtype, const std::byte* in, std::int64_t n, std::uint64_t* words) {
  switch (dtype_bytes(dtype)) {
    case 1: return pack_bits<std::uint8_t>(dtype, in, n, words);
    case 2: return pack_bits<std::uint16_t>(dtype, in, n, words);
    case 4: return pack_bits<std::uint32_t>(dtype, in, n, words);
    default: return pack_bits<std::uint64_t>(dtype, in, n, words);
  }
}

#endif

}  // namespace
}  // namespace lacuna::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lacuna::kernels {
namespace {

HWY_EXPORT(pack);

}  // namespace

void pack_nonzero(DType dtype, const std::byte* in, std::int64_t n, std::uint64_t* words) {
  if (!use_simd()) return scalar::pack_nonzero(dtype, in, n, words);
  HWY_DYNAMIC_DISPATCH(pack)(dtype, in, n, words);
}

}  // namespace lacuna::kernels
#endif  // HWY_ONCE
