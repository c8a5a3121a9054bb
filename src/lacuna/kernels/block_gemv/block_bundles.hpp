// Rows of stored blocks of eight features as GPU warps read them: bundled rows (packed_gemv/bundled_rows.hpp), a row's
// blocks dealt to its lanes in turns.
//
// Layout    step    one block of each lane: 32·8 values (lane l's at byte 16·l), then 32 gaps of a byte. Before the
// first
//                   step, lane l of bundle b is at block starts[32·b + l]. A gap of 1 … 254 moves it on, and the values
//                   are of the block where it is then. 255: it moves on by 254, and nothing is stored. 0: nothing is
//                   stored.
//           bundle  its units are steps.
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
#include "lacuna/kernels/packed_gemv/bundled_rows.hpp"

namespace lacuna::kernels {

struct BlockBundles : BundledRows {
  static constexpr int kStepBytes = kLanes * 16 + kLanes;
  static constexpr int kMostGap = 254;
  static constexpr int kMoves = 255;  // by that much, to nothing stored
  static constexpr std::int64_t kMostBlocks = 8191;

  DType dtype = DType::f16;
  std::int64_t blocks = 0;  // of a row, stored or not
  AlignedBuffer<std::uint8_t> steps;
  std::vector<std::int16_t> starts;

  std::size_t bytes() const;  // everything a product reads
};

BlockBundles make_block_bundles(const BlockRows& rows, int multiprocessors);
// The rows again, blocks·8 columns, +0 where nothing is stored.
void expand_block_bundles(const BlockBundles& packed, MatrixView<std::uint16_t> w);

}  // namespace lacuna::kernels
