#include "lacuna/kernels/packed_gemv/weight_rows.hpp"

#include <bit>
#include <cstring>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/pack/pack.hpp"

namespace lacuna::kernels {
namespace {

void list_columns(std::int64_t cols, RowEntries& out) {
  const auto* bitmap = reinterpret_cast<const std::uint8_t*>(out.words.data());
  out.size = static_cast<int>(list_ones(bitmap, cols, out.columns.data()));
}

}  // namespace

WeightRows::WeightRows(std::span<const PackedRows> parts, RowOrder order) : parts_(parts), order_(order) {
  if (parts.empty()) throw Error(ErrorCode::invalid_argument, "packed rows: need a matrix");
  dtype_ = parts.front().dtype;
  cols_ = parts.front().cols;
  for (const PackedRows& part : parts) {
    const bool even = order == RowOrder::stacked || part.rows == parts.front().rows;
    if (part.dtype != dtype_ || part.cols != cols_ || !even) {
      throw Error(ErrorCode::invalid_argument,
                  "packed rows: matrices of one product must have one type and width, interleaved ones equal rows");
    }
    rows_ += part.rows;
  }
}

std::pair<const PackedRows*, std::int64_t> WeightRows::locate(std::int64_t row) const {
  if (order_ == RowOrder::interleaved) {
    const auto n = static_cast<std::int64_t>(parts_.size());
    return {&parts_[static_cast<std::size_t>(row % n)], row / n};
  }
  const PackedRows* part = parts_.data();
  for (; row >= part->rows; ++part) row -= part->rows;
  return {part, row};
}

void WeightRows::read(std::int64_t row, RowEntries& out) const {
  parts_.empty() ? read_dense(row, out) : read_packed(row, out);
}

std::int64_t WeightRows::count(std::int64_t row, RowEntries& scratch) const {
  if (!parts_.empty()) {
    const auto [part, own] = locate(row);
    return static_cast<std::int64_t>(part->row_count(own));
  }
  find_dense(row, scratch);
  std::int64_t n = 0;
  for (const std::uint64_t word : scratch.words) n += std::popcount(word);
  return n;
}

// The words of a dense row.
void WeightRows::find_dense(std::int64_t row, RowEntries& out) const {
  pack_nonzero(dtype_, reinterpret_cast<const std::byte*>(dense_.row(row)), cols_, out.words.data());
  if (mask_ != nullptr) {
    for (std::size_t w = 0; w < out.words.size(); ++w) {
      out.words[w] &= mask_[row * words_per_row_ + static_cast<std::int64_t>(w)];
    }
  }
}

void WeightRows::read_dense(std::int64_t row, RowEntries& out) const {
  find_dense(row, out);
  list_columns(cols_, out);
  const std::uint16_t* in = dense_.row(row);
  for (std::size_t i = 0; i < static_cast<std::size_t>(out.size); ++i) out.values[i] = in[out.columns[i]];
}

void WeightRows::read_packed(std::int64_t index, RowEntries& out) const {
  const auto [part, row] = locate(index);
  out.words.back() = 0;
  std::memcpy(out.words.data(), part->row_bitmap(row), static_cast<std::size_t>(part->row_bytes()));
  list_columns(cols_, out);
  if (out.size == 0) return;  // without any values there may be no array
  std::memcpy(out.values.data(), part->values + part->row_starts[row] * 2, static_cast<std::size_t>(out.size) * 2);
}

void WeightRows::expand(std::int64_t index, std::uint16_t* out) const {
  const auto [part, row] = locate(index);
  const std::uint64_t start = part->row_starts[row];
  expand_row(2, part->row_bitmap(row), cols_, part->values + start * 2, part->row_starts[part->rows] - start,
             reinterpret_cast<std::byte*>(out));
}

}  // namespace lacuna::kernels
