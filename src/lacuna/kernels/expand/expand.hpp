// The rows of a matrix whose zeros are left out, and their dense form again.
//
//   dense[r, c] = bit c of row r is 1 ? the next value of row r : 0
//
// Layout   bit c of a row is bit c%8 of byte c/8; a row is ceil(cols/8) bytes, bits beyond cols are zero. Values lie
//          row after row without gaps, in column order, row r at row_starts[r]. Nothing needs alignment.
// Exact    values are copied bit for bit: −0.0, NaN payloads and stored zeros stay; the same bytes on every ISA.
// Cost     one pass over n_rows·cols outputs; no more than 64 bytes are read and written beyond a row, inside the
//          arrays.
// Threads  parallel inside; safe on distinct outputs.
// Errors   none: the caller has held bitmap and row_starts against each other (sparse/packed_reader.hpp does).
// Source   kernels/expand/README.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lacuna/core/dtype.hpp"

namespace lacuna::kernels {

struct PackedRows {
  DType dtype = DType::bf16;  // f32, f16 or bf16
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  const std::uint8_t* bitmap = nullptr;
  const std::byte* values = nullptr;
  const std::uint64_t* row_starts = nullptr;  // rows + 1, in elements

  std::int64_t row_bytes() const { return (cols + 7) / 8; }
  const std::uint8_t* row_bitmap(std::int64_t r) const { return bitmap + r * row_bytes(); }
  std::uint64_t row_count(std::int64_t r) const { return row_starts[r + 1] - row_starts[r]; }
};

// out: n_rows·cols elements of the packed type, row-major.
void expand_rows(const PackedRows& packed, std::int64_t first_row, std::int64_t n_rows, std::byte* out);

// The same widened to f32, exactly.
void expand_rows_f32(const PackedRows& packed, std::int64_t first_row, std::int64_t n_rows, float* out);

// One row, on the calling thread. `available` says how many elements may be read from `values` on.
void expand_row(std::size_t element_bytes, const std::uint8_t* bitmap, std::int64_t cols, const std::byte* values,
                std::uint64_t available, std::byte* out);

// Columns [first_col, first_col + n_cols) of some rows, on the calling thread; first_col is a multiple of 8, n_cols too
// unless the row ends there. next[i]: the element of `values` with which the row first_row + i goes on at first_col;
// moved to where it goes on behind the strip. out: rows of n_cols elements, out_stride elements apart.
void expand_strip(const PackedRows& packed, std::int64_t first_row, std::int64_t n_rows, std::int64_t first_col,
                  std::int64_t n_cols, std::uint64_t* next, std::byte* out, std::int64_t out_stride);

namespace scalar {
void expand_row(std::size_t element_bytes, const std::uint8_t* bitmap, std::int64_t cols, const std::byte* values,
                std::byte* out);
void expand_strip(const PackedRows& packed, std::int64_t first_row, std::int64_t n_rows, std::int64_t first_col,
                  std::int64_t n_cols, std::uint64_t* next, std::byte* out, std::int64_t out_stride);
}  // namespace scalar

}  // namespace lacuna::kernels
