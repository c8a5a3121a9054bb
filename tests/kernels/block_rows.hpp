// Random rows of stored blocks, for tests of the kernels that skip the others.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/packed_rows.hpp"
#include "kernels/random_values.hpp"
#include "lacuna/kernels/block_gemv/block_gemv.hpp"

namespace lacuna::test {

// The values end exactly where their allocation ends.
struct Blocks {
  DType dtype = DType::bf16;
  std::int64_t rows = 0;
  std::int64_t blocks = 0;
  std::vector<std::uint64_t> bitmap;
  std::vector<std::byte> values;
  std::vector<std::uint64_t> row_starts = {0};

  kernels::BlockRows view() const { return {dtype, rows, blocks, bitmap.data(), values.data(), row_starts.data()}; }
};

// keep[r·blocks + g]: block g of row r is stored.
inline Blocks make_blocks(DType dtype, std::int64_t rows, std::int64_t blocks, const std::vector<bool>& keep,
                          std::uint64_t seed) {
  Blocks made{dtype, rows, blocks, {}, {}, {0}};
  const std::int64_t words = (blocks + 63) / 64;
  made.bitmap.resize(static_cast<std::size_t>(rows * words));
  std::uint64_t stored = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t g = 0; g < blocks; ++g) {
      if (!keep[static_cast<std::size_t>(r * blocks + g)]) continue;
      made.bitmap[static_cast<std::size_t>(r * words + g / 64)] |= std::uint64_t{1} << (g % 64);
      ++stored;
    }
    made.row_starts.push_back(stored);
  }
  made.values = random_elements(dtype, static_cast<std::int64_t>(stored) * kernels::kBlockFeatures, seed);
  made.values.shrink_to_fit();
  return made;
}

inline Blocks random_blocks(DType dtype, std::int64_t rows, std::int64_t blocks, double skipped, std::uint64_t seed) {
  const auto mask = random_mask(rows * blocks, skipped, seed);
  return make_blocks(dtype, rows, blocks, {mask.begin(), mask.end()}, seed + 1);
}

}  // namespace lacuna::test
