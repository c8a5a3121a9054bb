#include <bit>

#include "lacuna/kernels/hamming/hamming.hpp"

namespace lacuna::kernels {

void interleave_rows(const std::uint64_t* rows, std::int64_t n, std::int64_t words, std::int64_t stride,
                     std::uint64_t* panels) {
  for (std::int64_t first = 0; first < n; first += kPanelRows) {
    std::uint64_t* panel = panels + first * words;
    for (std::int64_t w = 0; w < words; ++w) {
      for (std::int64_t r = 0; r < kPanelRows; ++r) {
        panel[w * kPanelRows + r] = first + r < n ? rows[(first + r) * stride + w] : 0;
      }
    }
  }
}

namespace scalar {

void and_counts(const std::uint64_t* a, std::int64_t a_panels, const std::uint64_t* b, std::int64_t b_panels,
                std::int64_t words, std::uint32_t* both, std::int64_t stride) {
  for (std::int64_t i = 0; i < a_panels * kPanelRows; ++i) {
    const std::uint64_t* x = a + (i / kPanelRows) * kPanelRows * words + i % kPanelRows;
    for (std::int64_t j = 0; j < b_panels * kPanelRows; ++j) {
      const std::uint64_t* y = b + (j / kPanelRows) * kPanelRows * words + j % kPanelRows;
      std::uint32_t count = 0;
      for (std::int64_t w = 0; w < words; ++w) {
        count += static_cast<std::uint32_t>(std::popcount(x[w * kPanelRows] & y[w * kPanelRows]));
      }
      both[i * stride + j] = count;
    }
  }
}

std::int64_t select_below(const std::uint32_t* both, const std::uint32_t* b_ones, std::int64_t n, std::uint32_t ones,
                          std::uint32_t limit, std::uint32_t first, std::uint32_t* distances, std::uint32_t* indices) {
  std::int64_t hits = 0;
  for (std::int64_t j = 0; j < n; ++j) {
    const std::uint32_t distance = ones + b_ones[j] - 2 * both[j];
    if (distance >= limit) continue;
    distances[hits] = distance;
    indices[hits] = first + static_cast<std::uint32_t>(j);
    ++hits;
  }
  return hits;
}

}  // namespace scalar
}  // namespace lacuna::kernels
