#include <cstring>

#include "lacuna/kernels/compress/compress.hpp"

namespace lacuna::kernels::scalar {

void compress_each(const std::uint16_t* in, std::int64_t runs, std::byte* words, std::int64_t word_stride,
                   std::byte** ends) {
  for (std::int64_t r = 0; r < runs; ++r) {
    std::uint64_t word = 0;
    for (std::int64_t i = 0; i < 64; ++i) {
      const std::uint16_t element = in[64 * r + i];
      if (element == 0) continue;
      word |= std::uint64_t{1} << static_cast<unsigned>(i);
      std::memcpy(ends[r], &element, 2);
      ends[r] += 2;
    }
    std::memcpy(words + r * word_stride, &word, 8);
  }
}

std::int64_t list_ones(const std::uint8_t* bitmap, std::int64_t n, std::uint16_t* columns) {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    if ((bitmap[i / 8] >> (i % 8) & 1U) != 0) columns[count++] = static_cast<std::uint16_t>(i);
  }
  return count;
}

}  // namespace lacuna::kernels::scalar
