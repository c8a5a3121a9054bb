// 2:4 sparse weights (at most two non-zeros in every four consecutive columns) as the sparse tensor cores read them.
//
// One mma.sp.m16n8k32 multiplies 16 rows by 32 columns of which half are stored. Here the 16 rows are 2 rows of W times
// 8 segments of the columns, so that one warp finishes 2 rows alone: row 8·i + g of the instruction is segment g of row
// i, and column g of its B is segment g of x.
//
// Layout    segment  `segment` columns, a multiple of 32: ceil(cols/8) rounded up; columns beyond `cols` hold zeros.
//           block    one instruction: 32·8 values (lane l's eight at byte 16·l, the A fragment in register order), then
//                    16·4 bytes of metadata: word 2·g + h for segment g and columns 16·h … 16·h+15 of the step: 4 bits
//                    a group of four (first index, second index; ascending), row 0 in the low half, row 1 in the high.
//           pair     segment/32 blocks, for two rows; pairs follow each other. An odd last row is paired with zeros.
// Exact     every non-zero value is kept bit for bit; positions of value ±0 are not kept.
// Cost      1.125 bytes a position.
// Threads   parallel inside; the result does not depend on the number of threads.
// Errors    Error{invalid_argument}: dtype not f16 or bf16, an empty matrix; Error{bad_pattern}: three non-zeros in a
//           group, the first such named.
// Source    docs/kernels-cuda.md; PTX ISA, "Matrix fragments for sparse mma.m16n8k32".
#pragma once

#include <cstdint>
#include <span>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/dtype.hpp"
#include "lacuna/core/tensor.hpp"
#include "lacuna/kernels/expand/expand.hpp"
#include "lacuna/kernels/packed_gemv/row_order.hpp"

namespace lacuna::kernels {

struct TwoFour {
  static constexpr int kSegments = 8;
  static constexpr int kColumns = 32;      // of a segment, in one block
  static constexpr int kBlockBytes = 576;  // 512 of values, 64 of metadata

  DType dtype = DType::f16;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t segment = 0;
  AlignedBuffer<std::uint8_t> blocks;

  std::int64_t blocks_per_pair() const { return segment / kColumns; }
  std::int64_t pairs() const { return (rows + 1) / 2; }
};

TwoFour make_two_four(MatrixView<const std::uint16_t> w, DType dtype);
TwoFour make_two_four(std::span<const PackedRows> parts, RowOrder order = RowOrder::stacked);  // as make_row_bundles
void expand_two_four(const TwoFour& packed, MatrixView<std::uint16_t> w);

}  // namespace lacuna::kernels
