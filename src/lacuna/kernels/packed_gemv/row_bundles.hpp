// Unstructured sparse weights as GPU warps read them: bundled rows (bundled_rows.hpp), every lane with its own part of
// a row as a list of (gap, value) entries.
//
// A row's non-zeros are dealt to its lanes in column order, evenly. The input lies once in shared memory and any lane
// may read any of it: the lanes' banks collide 3.5 times on average, which memory is slow enough to hide.
//
// Layout    block   8 entries of 32 lanes: 32·8 values (lane l's eight at byte 16·l), then 32·8 gaps. Gaps of 8 bits:
//                   entry k of lane l at byte 512 + 8·l + k. Of 4 bits: entries k and k + 4 in the low and the high
//                   half of byte 512 + 4·l + k (k < 4). Of 6 bits: entry k in the low six bits of that byte, bits 4 and
//                   5 of entry k + 4 above them; the low four bits of entries 4, 6, 5, 7 in turn in the two bytes from
//                   640 + 2·l on, lower bits first.
//           bundle  its units are blocks; short lanes are filled with value 0, gap 0. starts[32·b + l] is the column of
//                   lane l's first entry, whose gap is 0; entry e lies gap(e) columns after entry e−1. A gap that does
//                   not fit is bridged by entries of value 0.
// Exact     every value of a non-zero position is kept bit for bit; positions of value ±0 are not kept, but for the −0
//           of packed rows.
// Cost      2.5, 2.75 or 3 bytes a non-zero, 2·lanes + 4 a row, and filling: half a block a bundle and what its fullest
//           lane has more than the others. W is read twice where it is dense, the first time to count; memory for the
//           result twice.
// Threads   parallel over streams inside; the result does not depend on the number of threads.
// Errors    Error{invalid_argument}: dtype not f16 or bf16, an empty matrix, or more than 65,535 columns.
// Source    docs/kernels-cuda.md
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/dtype.hpp"
#include "lacuna/core/tensor.hpp"
#include "lacuna/kernels/expand/expand.hpp"
#include "lacuna/kernels/packed_gemv/bundled_rows.hpp"
#include "lacuna/kernels/packed_gemv/row_order.hpp"

namespace lacuna::kernels {

struct RowBundles : BundledRows {
  static constexpr int kBlock = 8;  // entries of a lane
  static constexpr std::int64_t kMostColumns = 65535;

  DType dtype = DType::f16;
  std::int64_t cols = 0;
  int gap_bits = 4;  // or 6 or 8: whichever takes fewest bytes
  AlignedBuffer<std::uint8_t> blocks;
  std::vector<std::uint16_t> starts;

  int block_bytes() const { return kLanes * kBlock * 2 + kLanes * kBlock * gap_bits / 8; }
  std::size_t bytes() const;  // everything a product reads
};

// w: 16-bit elements. multiprocessors: of the device there is to feed. pairs: rows 2i and 2i+1 lie side by side in a
// bundle, as OutputKind::gate needs them.
RowBundles make_row_bundles(MatrixView<const std::uint16_t> w, DType dtype, int multiprocessors, bool pairs = false);
// The same with the zeros' places given: bit c % 64 of words[r·words_per_row + c / 64] is 1 where (r, c) is kept.
RowBundles make_row_bundles(MatrixView<const std::uint16_t> w, DType dtype, const std::uint64_t* mask,
                            std::int64_t words_per_row, int multiprocessors);
// From packed rows as they lie on disk (sparse/packed_matrix.hpp), of one type and width; interleaved ones form pairs.
RowBundles make_row_bundles(std::span<const PackedRows> parts, int multiprocessors, RowOrder order = RowOrder::stacked);
// The dense matrix again, +0 where nothing is kept; w is rows×cols.
void expand_row_bundles(const RowBundles& packed, MatrixView<std::uint16_t> w);

}  // namespace lacuna::kernels
