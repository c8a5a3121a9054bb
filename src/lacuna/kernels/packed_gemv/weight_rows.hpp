// The rows that row bundles and 2:4 blocks are made of: dense ones, or packed ones as they lie on disk.
//
//   RowEntries entries(rows.cols());
//   rows.read(r, entries);                 // columns and values of what row r keeps, in column order
//
// A dense row keeps its values other than ±0, a packed row everything that is stored.
//
// Threads  reading is safe from any thread, each with a RowEntries of its own.
// Internal to kernels/packed_gemv.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "lacuna/core/dtype.hpp"
#include "lacuna/core/tensor.hpp"
#include "lacuna/kernels/compress/compress.hpp"
#include "lacuna/kernels/expand/expand.hpp"
#include "lacuna/kernels/packed_gemv/row_order.hpp"

namespace lacuna::kernels {

struct RowEntries {
  explicit RowEntries(std::int64_t cols)
      : words(static_cast<std::size_t>((cols + 63) / 64)),
        columns(static_cast<std::size_t>(cols + kSurplus)),
        values(static_cast<std::size_t>(cols + kSurplus)) {}

  int size = 0;
  std::vector<std::uint64_t> words;    // bit c: column c is kept
  std::vector<std::uint16_t> columns;  // `size` of them
  std::vector<std::uint16_t> values;
};

class WeightRows {
 public:
  WeightRows(MatrixView<const std::uint16_t> w, DType dtype, const std::uint64_t* mask, std::int64_t words_per_row)
      : dtype_(dtype), rows_(w.rows), cols_(w.cols), dense_(w), mask_(mask), words_per_row_(words_per_row) {}
  WeightRows(std::span<const PackedRows> parts, RowOrder order);  // of one type and width

  DType dtype() const { return dtype_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }
  void read(std::int64_t row, RowEntries& out) const;
  std::int64_t count(std::int64_t row, RowEntries& scratch) const;  // entries of it
  void expand(std::int64_t row, std::uint16_t* out) const;          // of packed rows: cols elements

 private:
  void find_dense(std::int64_t row, RowEntries& out) const;
  void read_dense(std::int64_t row, RowEntries& out) const;
  void read_packed(std::int64_t row, RowEntries& out) const;
  std::pair<const PackedRows*, std::int64_t> locate(std::int64_t row) const;

  DType dtype_ = DType::f16;
  std::int64_t rows_ = 0;
  std::int64_t cols_ = 0;
  MatrixView<const std::uint16_t> dense_;
  const std::uint64_t* mask_ = nullptr;  // null: the non-zeros
  std::int64_t words_per_row_ = 0;
  std::span<const PackedRows> parts_;
  RowOrder order_ = RowOrder::stacked;
};

}  // namespace lacuna::kernels
