// Counts of common non-zeros between blocks of features, tile by tile, in buffers that stay in the cache.
// Internal to cluster.
//
// Threads  one PairTiles per thread.
#pragma once

#include <algorithm>
#include <cstdint>

#include "lacuna/cluster/feature_patterns.hpp"
#include "lacuna/core/buffer.hpp"
#include "lacuna/kernels/hamming/hamming.hpp"

namespace lacuna {

struct PairTile {
  std::int64_t row_begin = 0;  // features
  std::int64_t row_end = 0;
  std::int64_t col_begin = 0;
  std::int64_t col_end = 0;
  const std::uint32_t* both = nullptr;  // of (row_begin + i, col_begin + j) at i·stride + j
  std::int64_t stride = 0;

  const std::uint32_t* counts_of(std::int64_t feature) const { return both + (feature - row_begin) * stride; }
};

class PairTiles {
 public:
  static constexpr std::int64_t kRowPanels = 4;

  PairTiles(const FeaturePatterns& rows, const FeaturePatterns& cols)
      : rows_(rows), cols_(cols), col_panels_(block_panels(cols)) {
    both_ = AlignedBuffer<std::uint32_t>(
        static_cast<std::size_t>(kRowPanels * col_panels_ * kernels::kPanelRows * kernels::kPanelRows));
  }

  // Row panels [begin, end), at most kRowPanels, against column panels [col_begin, col_end); body(const PairTile&) in
  // ascending order of columns.
  template <typename Body>
  void run(std::int64_t begin, std::int64_t end, std::int64_t col_begin, std::int64_t col_end, const Body& body) {
    for (std::int64_t c = col_begin; c < col_end; c += col_panels_) {
      const std::int64_t panels = std::min(col_panels_, col_end - c);
      PairTile tile;
      tile.row_begin = begin * kernels::kPanelRows;
      tile.row_end = std::min(end * kernels::kPanelRows, rows_.count());
      tile.col_begin = c * kernels::kPanelRows;
      tile.col_end = std::min((c + panels) * kernels::kPanelRows, cols_.count());
      tile.both = both_.data();
      tile.stride = panels * kernels::kPanelRows;
      kernels::and_counts(rows_.panel(begin), end - begin, cols_.panel(c), panels, cols_.bits().row_words(),
                          both_.data(), tile.stride);
      body(tile);
    }
  }

 private:
  // 384 KiB of patterns beside the counts of a tile in a second-level cache of 1 MiB; a multiple of two panels
  // where there are as many.
  static std::int64_t block_panels(const FeaturePatterns& cols) {
    const std::int64_t panel_bytes = std::max<std::int64_t>(cols.panel_words() * 8, 1);
    const std::int64_t wanted = std::clamp<std::int64_t>((384 << 10) / panel_bytes, 2, 128) / 2 * 2;
    return std::min(wanted, kernels::panel_count(cols.count()) + 1);
  }

  const FeaturePatterns& rows_;
  const FeaturePatterns& cols_;
  std::int64_t col_panels_;
  AlignedBuffer<std::uint32_t> both_;
};

}  // namespace lacuna
