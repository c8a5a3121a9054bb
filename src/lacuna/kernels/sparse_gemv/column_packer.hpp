// Writes the columns of a panel (packed_columns.hpp) from its rows, a strip of columns at a time. Internal to
// kernels/sparse_gemv.
//
//   ColumnPacker packer(rows, cols, stored);          // stored: values that are not zero, at most
//   for each strip of packer.strip_cols() columns:
//     for each 64 rows: packer.add(row, tile);        // the strip's part of these rows
//     packer.write_strip(col, n_cols);
//   packer.finish(data, starts);
//
// A strip's bitmaps and values are gathered column by column in scratch memory that stays in L2 and then moved behind
// what is written: where a column begins depends on how many values all columns before it have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

class ColumnPacker {
 public:
  static constexpr std::int64_t kTile = 64;        // rows and columns that are exchanged at once
  static constexpr std::int64_t kMostStrip = 256;  // columns
  static constexpr std::size_t kReadable = 128;    // bytes behind the last column

  ColumnPacker(std::int64_t rows, std::int64_t cols, std::uint64_t stored);

  std::int64_t strip_cols() const { return strip_cols_; }
  void add(std::int64_t row, MatrixView<const std::uint16_t> tile);  // row: a multiple of 64
  void write_strip(std::int64_t col, std::int64_t n_cols);
  void finish(AlignedBuffer<std::byte>& data, std::vector<std::uint64_t>& starts);

 private:
  std::byte* list(std::int64_t column) { return reinterpret_cast<std::byte*>(lists_.data() + column * list_stride_); }
  void begin_strip();

  std::int64_t height_;  // rows, and zeros below them up to whole tiles
  std::int64_t strip_cols_;
  std::int64_t list_stride_;  // elements
  AlignedBuffer<std::uint16_t> lists_;
  AlignedBuffer<std::uint64_t> words_;  // bitmaps of the strip's columns
  AlignedBuffer<std::uint16_t> tile_;   // exchanged
  std::vector<std::byte*> ends_;        // of the lists
  AlignedBuffer<std::byte> data_;
  std::vector<std::uint64_t> starts_;
};

}  // namespace lacuna::kernels
