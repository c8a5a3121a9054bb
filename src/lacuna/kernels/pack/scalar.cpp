#include <algorithm>
#include <cstring>
#include <limits>

#include "lacuna/kernels/pack/pack.hpp"

namespace lacuna::kernels::scalar {
namespace {

template <typename Bits>
void pack(const std::byte* in, std::int64_t n, bool floating, std::uint64_t* words) {
  const Bits all = std::numeric_limits<Bits>::max();
  const auto mask = floating ? static_cast<Bits>(all >> 1U) : all;
  for (std::int64_t begin = 0; begin < n; begin += 64) {
    const std::int64_t count = std::min<std::int64_t>(64, n - begin);
    std::uint64_t word = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      Bits element;
      std::memcpy(&element, in + (begin + i) * static_cast<std::int64_t>(sizeof(Bits)), sizeof(Bits));
      word |= static_cast<std::uint64_t>((element & mask) != 0) << static_cast<unsigned>(i);
    }
    words[begin / 64] = word;
  }
}

}  // namespace

void pack_nonzero(DType dtype, const std::byte* in, std::int64_t n, std::uint64_t* words) {
  const bool floating = is_floating(dtype);
  switch (dtype_bytes(dtype)) {
    case 1: return pack<std::uint8_t>(in, n, floating, words);
    case 2: return pack<std::uint16_t>(in, n, floating, words);
    case 4: return pack<std::uint32_t>(in, n, floating, words);
    default: return pack<std::uint64_t>(in, n, floating, words);
  }
}

}  // namespace lacuna::kernels::scalar
