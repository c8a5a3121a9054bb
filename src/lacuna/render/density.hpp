// Where a matrix is not zero, counted exactly in boxes.
//
//   counts[i,j] = number of non-zeros in rows [i·box_rows, …) × columns [j·box_cols, …)
//
// Every box has the same size, except the last of each row and column, which holds what is left.
// A box of 1 × 1 gives the pattern itself.
//
// Cost     one pass over the matrix in rows; memory: the map and two bytes a column for each thread.
// Exact    integers; independent of the number of threads.
// Threads  parallel inside; a SpyPattern's function is called from several threads at once.
// Errors   Error{invalid_argument}: a box or shape below one, or rank 0 or above 2; Error{limit_exceeded}: more than
//          2^40 entries, 2^28 boxes, or 2^32 entries in a box.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "lacuna/core/tensor.hpp"

namespace lacuna {

struct SpyPattern {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  // Adds one to counts[c] for each non-zero (r, c) with begin ≤ r < end. At most 65,535 rows a call.
  std::function<void(std::int64_t begin, std::int64_t end, std::uint16_t* counts)> count_rows;
};

// Entries whose stored bits are not zero; −0.0 counts as zero, NaN does not. Nothing is widened or copied: the view's
// memory must live as long as the pattern is used. A vector is one row.
SpyPattern spy_pattern(const TensorView& tensor);

// row_bits(r) gives row r as words: column c is bit c % 64 of word c / 64 (BitMatrix's layout). Bits beyond cols are
// ignored.
SpyPattern spy_pattern(std::int64_t rows, std::int64_t cols,
                       std::function<const std::uint64_t*(std::int64_t row)> row_bits);

// flags(r, out) sets out[c], c in [0, cols), to 1 where row r is not zero and leaves the zeros there elsewhere.
SpyPattern spy_pattern_from_flags(std::int64_t rows, std::int64_t cols,
                                  std::function<void(std::int64_t row, std::uint8_t* out)> flags);

struct DensityMap {
  std::int64_t rows = 0;  // of the matrix
  std::int64_t cols = 0;
  std::int64_t box_rows = 1;
  std::int64_t box_cols = 1;
  std::int64_t map_rows = 0;
  std::int64_t map_cols = 0;
  std::vector<std::uint32_t> counts;  // map_rows × map_cols
  std::int64_t nonzeros = 0;

  std::uint32_t count(std::int64_t i, std::int64_t j) const;
  std::int64_t box_entries(std::int64_t i, std::int64_t j) const;
  double density(std::int64_t i, std::int64_t j) const;  // share of non-zeros in a box
  double sparsity() const;                               // share of zeros in the matrix
};

DensityMap count_density(const SpyPattern& pattern, std::int64_t box_rows, std::int64_t box_cols);

}  // namespace lacuna
