// Rows of a sparse matrix as the warps of a GPU read them, whatever of a row is kept: a few rows side by side in the
// lanes of a warp, bundle after bundle in a stream that is one warp's. Row bundles and block bundles
// (block_gemv/block_bundles.hpp) are such rows.
//
// A bundle is 1, 2, 4 or 8 rows with about equally many entries: rows lie in the order of their number, longest first,
// so that no lane waits for a longer row's. Each has an equal number of lanes.
//
// Layout    bundle  lengths[b] units (blocks, steps), as many as its fullest lane needs. Row i of it,
//                   row_order[rows_in_bundle·b + i] of the matrix, belongs to the lanes from i·lanes_a_row() on.
//           stream  what one warp reads: bundles s, s + n_streams, … one after the other, from unit streams[s].first
//           on.
#pragma once

#include <cstdint>
#include <vector>

namespace lacuna::kernels {

struct BundledRows {
  static constexpr int kLanes = 32;
  static constexpr int kMostRows = 8;
  static constexpr int kMostWarps = 21;

  static constexpr std::uint32_t kNoRow = ~std::uint32_t{0};  // a place of the last bundle beyond the last row

  struct Stream {
    std::uint32_t first;  // unit
    std::uint32_t units;
  };

  std::int64_t rows = 0;
  int rows_in_bundle = 1;   // or 2, 4, 8
  int multiprocessors = 1;  // whose warps are to be fed
  std::vector<std::uint16_t> lengths;
  std::vector<std::uint32_t> row_order;
  std::vector<Stream> streams;

  std::int64_t n_bundles() const { return (rows + rows_in_bundle - 1) / rows_in_bundle; }
  int n_streams() const { return static_cast<int>(streams.size()); }
  // That share a multiprocessor's copy of the input, at most kMostWarps.
  int warps() const { return (n_streams() + multiprocessors - 1) / multiprocessors; }
  int lanes_a_row() const { return kLanes / rows_in_bundle; }
  std::size_t table_bytes() const {
    return lengths.size() * 2 + row_order.size() * 4 + streams.size() * sizeof(Stream);
  }
};

// Warps of a multiprocessor, at most kMostWarps: so many that all have equally many bundles, as nearly as possible;
// more rather than fewer.
int choose_bundle_warps(std::int64_t bundles, int multiprocessors);

}  // namespace lacuna::kernels
