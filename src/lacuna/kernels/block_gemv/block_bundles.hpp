// Rows of stored blocks of eight features as GPU warps read them: a few rows side by side in the 32 lanes of a warp,
// every lane with its own part of a row's blocks.
//
// A bundle is 1, 2, 4 or 8 rows with about equally many stored blocks: rows lie in the order of their number, longest
// first. Each has an equal number of lanes, to which its blocks are dealt in turns.
//
// Layout    step    one block of each lane: 32·8 values (lane l's at byte 16·l), then 32 gaps of a byte. Before the
// first
//                   step, lane l of bundle b is at block starts[32·b + l]. A gap of 1 … 254 moves it on, and the values
//                   are of the block where it is then. 255: it moves on by 254, and nothing is stored. 0: nothing is
//                   stored.
//           bundle  lengths[b] steps, as many as its fullest lane needs. Row i of it, row_order[rows_in_bundle·b + i]
//           of
//                   the matrix, belongs to the lanes from i·lanes_a_row() on.
//           stream  what one warp reads: bundles s, s + n_streams, … one after the other, from streams[s] on.
// Exact     every stored block is kept bit for bit, zeros in it too.
// Cost      17 bytes a stored block, 2·lanes a row, and what short lanes are filled up with. Memory for the result
// twice. Threads   parallel over streams inside; the result does not depend on the number of threads. Errors
// Error{invalid_argument}: dtype not f16 or bf16, an empty matrix, or more than 65,528 columns. Source
// kernels/block_gemv/README.md
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/tensor.hpp"
#include "lacuna/kernels/block_gemv/block_gemv.hpp"

namespace lacuna::kernels {

struct BlockBundles {
  static constexpr int kLanes = 32;
  static constexpr int kStepBytes = kLanes * 16 + kLanes;
  static constexpr int kMostRows = 8;
  static constexpr int kMostWarps = 21;
  static constexpr int kMostGap = 254;
  static constexpr int kMoves = 255;  // by that much, to nothing stored
  static constexpr std::int64_t kMostBlocks = 8191;

  static constexpr std::uint32_t kNoRow = ~std::uint32_t{0};  // a place of the last bundle beyond the last row

  struct Stream {
    std::uint32_t first_step;
    std::uint32_t steps;
  };

  DType dtype = DType::f16;
  std::int64_t rows = 0;
  std::int64_t blocks = 0;  // of a row, stored or not
  int rows_in_bundle = 1;   // or 2, 4, 8: whichever takes the busiest warps least
  int multiprocessors = 1;  // whose warps are to be fed
  AlignedBuffer<std::uint8_t> steps;
  std::vector<std::int16_t> starts;
  std::vector<std::uint16_t> lengths;
  std::vector<std::uint32_t> row_order;
  std::vector<Stream> streams;

  std::int64_t n_bundles() const { return (rows + rows_in_bundle - 1) / rows_in_bundle; }
  int n_streams() const { return static_cast<int>(streams.size()); }
  // That share a multiprocessor's copy of the input, at most kMostWarps.
  int warps() const { return (n_streams() + multiprocessors - 1) / multiprocessors; }
  int lanes_a_row() const { return kLanes / rows_in_bundle; }
  std::size_t bytes() const;  // everything a product reads
};

BlockBundles make_block_bundles(const BlockRows& rows, int multiprocessors);
// The rows again, blocks·8 columns, +0 where nothing is stored.
void expand_block_bundles(const BlockBundles& packed, MatrixView<std::uint16_t> w);

}  // namespace lacuna::kernels
