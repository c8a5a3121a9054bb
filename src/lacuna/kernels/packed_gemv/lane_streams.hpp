// Unstructured sparse weights as a GPU warp reads them: 32 lanes, each with its own part of the columns and its own
// stream of (gap, value) entries, all lanes equally full.
//
// The non-zeros of a row, in column order, are dealt to the 32 lanes in consecutive parts of at most a common size, the
// smallest that works. Lane l keeps a window of the input in its own bank of shared memory: columns [lane_base[l],
// lane_base[l] + slots). The windows overlap by kSlack on either side of the boundaries at which the whole matrix
// splits evenly, so that a row's own boundaries may wander.
//
// Layout    step   step() entries of each lane. A row has row_steps ≥ 4 / step() steps, the same for all lanes; short
//                  lanes are filled with value 0, gap 0.
//           block  8 entries of 32 lanes: 32·8 values (lane l's eight at byte 16·l), then 32·8 gaps (4 bits: lane l's
//           at
//                  byte 512 + 4·l, entry k in bits 4k…; 8 bits: byte 512 + 8·l + k).
//           slot   a lane starts a row at a slot of its window; entry e lies gap(e) slots after entry e−1, the first
//           one
//                  gap(0) after the start. A gap that does not fit is bridged by entries of value 0.
//           group  4 rows of a stream: row_starts[32·g + l] holds lane l's four starts, a byte each; row_steps[4·g + i]
//                  the steps. A stream's last group may be short; its other rows have 0 steps.
//           stream consecutive rows, read by one warp; it starts at a whole block and group. Stream s: from
//                  stream_rows[s], stream_blocks[s], stream_groups[s] up to those of s+1.
// Exact     every value of a non-zero position is kept bit for bit; positions of value ±0 are not kept, but for the −0
//           of packed rows.
// Cost      2.5 or 3 bytes a non-zero, 34 bytes a row, and filling: about half a step a row. Two passes over W.
// Threads   parallel over streams inside; the result does not depend on the number of threads.
// Errors    Error{invalid_argument}: dtype not f16 or bf16, an empty matrix, or more columns than a block's shared
//           memory holds (about 32,000).
// Source    docs/kernels-cuda.md
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/dtype.hpp"
#include "lacuna/core/tensor.hpp"
#include "lacuna/kernels/expand/expand.hpp"
#include "lacuna/kernels/packed_gemv/row_order.hpp"

namespace lacuna::kernels {

struct LaneStreams {
  static constexpr int kLanes = 32;
  static constexpr int kBlock = 8;    // entries of a lane
  static constexpr int kGroup = 4;    // rows
  static constexpr int kSlack = 120;  // columns; twice it, and an alignment of 8, fits the 8 bits of a start
  static constexpr int kSharedBytes = 160 * 1024;  // slots·128 at most: a multiprocessor's share for the windows

  DType dtype = DType::f16;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  int gap_bits = 4;                              // or 8: whichever takes fewer bytes
  int slots = 0;                                 // a multiple of 8
  std::array<std::int32_t, kLanes> lane_base{};  // multiples of 8; may be negative
  AlignedBuffer<std::uint8_t> blocks;
  std::vector<std::uint32_t> row_starts;
  std::vector<std::uint16_t> row_steps;
  std::vector<std::uint32_t> stream_rows;
  std::vector<std::uint32_t> stream_blocks;
  std::vector<std::uint32_t> stream_groups;

  int n_streams() const { return static_cast<int>(stream_rows.size()) - 1; }
  int step() const { return gap_bits == 4 ? 4 : 2; }
  int block_bytes() const { return kLanes * kBlock * 2 + kLanes * kBlock * gap_bits / 8; }
  std::size_t bytes() const;  // everything a product reads
};

// w: 16-bit elements. streams: how many warps there are to feed. row_multiple: rows that stay in one stream.
LaneStreams make_lane_streams(MatrixView<const std::uint16_t> w, DType dtype, int streams, int row_multiple = 1);
// The same with the zeros' places given: bit c % 64 of words[r·words_per_row + c / 64] is 1 where (r, c) is kept.
LaneStreams make_lane_streams(MatrixView<const std::uint16_t> w, DType dtype, const std::uint64_t* mask,
                              std::int64_t words_per_row, int streams);
// From packed rows as they lie on disk (sparse/packed_matrix.hpp), of one type and width; interleaved ones stay
// together.
LaneStreams make_lane_streams(std::span<const PackedRows> parts, int streams, RowOrder order = RowOrder::stacked);
// The dense matrix again, +0 where nothing is kept; w is rows×cols.
void expand_lane_streams(const LaneStreams& packed, MatrixView<std::uint16_t> w);

}  // namespace lacuna::kernels
