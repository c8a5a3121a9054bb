// Very sparse rows as a processor multiplies them by value instead of by position: slices of 16 rows, one lane each.
//
//   SlicedRows sliced = make_sliced_rows(rows);        // once, when a model is loaded
//   sliced_gemv(sliced, x, y);                         // y = alpha · W·x + beta · y
//
// A slice goes along the columns in blocks of four steps. At a block its lanes look into one window of 128 columns,
// held in registers (AVX2: in the cache), that begins at the first column any of them has not passed; each lane takes
// up to four values of its own row, in column order. Lanes with fewer values so far run ahead within the window, so
// that few places stay empty.
//
// Layout    block   4·16 values, step by step, then 4·16 places (u8): the column less the window's first. An empty
//                   place has value 0, place 0. The blocks of a slice follow each other; slice s: starts[s] to
//                   starts[s+1].
//           windows first column of each block's window, in 16 columns.
//           row_of  the row of each lane, −1 where there is none: rows are sorted by how many values they have.
// Exact     make: values are kept bit for bit, those stored as zeros too.
// Accuracy  f32 products; a row's n values are added in turns to four f32 sums: |error| ≤ (n/2 + 4)·2⁻²⁴·Σ|w·x|. Not
//           the bits of packed_gemv, which adds in the order of dense rows; the same on every ISA and for any number of
//           threads. An x with a NaN or an infinity, which must meet the zeros too, is left to packed_gemv.
// Cost      make: one pass over the packed rows; product: one pass, 3 bytes a value of f16 or bf16 and its share of
//           empty places, a seventh at 90 %.
// Threads   parallel inside; safe on distinct y.
// Lifetime  `source` must outlive it: its arrays are read where x is not finite.
// Errors    Error{out_of_memory}.
// Source    kernels/packed_gemv/README.md; sliced ELLPACK (Monakov et al. 2010).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/tensor.hpp"
#include "lacuna/kernels/expand/expand.hpp"

namespace lacuna::kernels {

struct SlicedRows {
  static constexpr std::int64_t kLanes = 16;
  static constexpr std::int64_t kSteps = 4;        // of a block
  static constexpr std::int64_t kWindow = 128;     // columns
  static constexpr std::int64_t kWindowUnit = 16;  // columns; windows begin at multiples
  static constexpr std::int64_t kMostCols = 1 << 20;

  PackedRows source;
  AlignedBuffer<std::byte> blocks;
  AlignedBuffer<std::uint16_t> windows;
  std::vector<std::uint64_t> starts = {0};
  std::vector<std::int32_t> row_of;

  std::int64_t slices() const { return static_cast<std::int64_t>(starts.size()) - 1; }
  std::size_t block_bytes() const {
    return static_cast<std::size_t>(kSteps * kLanes) * (dtype_bytes(source.dtype) + 1);
  }
  std::size_t bytes() const {
    return blocks.size() + windows.size() * sizeof(std::uint16_t) + row_of.size() * sizeof(std::int32_t);
  }
};

SlicedRows make_sliced_rows(const PackedRows& source);  // at most kMostCols columns

// Slices where they are the faster form: at most 17 % of the elements are stored, with AVX2 alone 20 %, and no more
// than half of the places stay empty. Null elsewhere: packed_gemv is at least as fast.
std::shared_ptr<const SlicedRows> make_slices_if_faster(const PackedRows& source);

void sliced_gemv(const SlicedRows& w, const float* x, float* y, float alpha = 1.0F, float beta = 0.0F);

// Each row of x is an input, each row of y what sliced_gemv makes of it, bit for bit. A slice is read from memory once.
void sliced_gemv_batch(const SlicedRows& w, MatrixView<const float> x, MatrixView<float> y, float alpha = 1.0F,
                       float beta = 0.0F);

namespace scalar {
void sliced_gemv(const SlicedRows& w, const float* x, float* y, float alpha = 1.0F, float beta = 0.0F);
}  // namespace scalar

}  // namespace lacuna::kernels
