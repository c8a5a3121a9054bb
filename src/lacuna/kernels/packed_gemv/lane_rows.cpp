#include "lacuna/kernels/packed_gemv/lane_rows.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/pack/pack.hpp"

namespace lacuna::kernels {
namespace {

// For every byte of a bitmap the places of its ones, in order; the rest is 0.
constexpr auto kPlaces = [] {
  std::array<std::array<std::uint8_t, 8>, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::size_t n = 0;
    for (std::uint8_t bit = 0; bit < 8; ++bit) {
      if ((byte >> bit & 1U) != 0) table[byte][n++] = bit;
    }
  }
  return table;
}();

// How many they are. (Processors without a population count would call a function for each.)
constexpr auto kOnes = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) table[byte] = static_cast<std::uint8_t>(std::popcount(byte));
  return table;
}();

// Ranks and columns from the words; eight columns are written at a time, the surplus is written over.
void list_columns(RowEntries& out) {
  std::int32_t n = 0;
  std::uint16_t* columns = out.columns.data();
  for (std::size_t w = 0; w < out.words.size(); ++w) {
    const std::uint64_t word = out.words[w];
    out.ranks[w] = n;
    for (unsigned b = 0; b < 8; ++b) {
      const auto byte = static_cast<unsigned>(word >> (8 * b) & 255U);
      const auto base = static_cast<std::uint16_t>(64 * w + 8 * b);
      const auto& places = kPlaces[byte];
      std::uint16_t* at = columns + n;
      for (std::size_t k = 0; k < 8; ++k) at[k] = static_cast<std::uint16_t>(base + places[k]);
      n += kOnes[byte];
    }
  }
  out.ranks.back() = n;
  out.size = n;
}

}  // namespace

int RowEntries::before(std::int32_t column) const {
  const auto w = static_cast<std::size_t>(column / 64);
  if (w >= words.size()) return ranks.back();
  return ranks[w] + std::popcount(words[w] & ((std::uint64_t{1} << (column % 64)) - 1));
}

// In 16 bits, which compilers turn into vectors; a gap beyond them counts as the largest.
int RowEntries::widest_gap() const {
  std::int16_t widest = 0;
  const std::uint16_t* c = columns.data();
  for (int i = 1; i < size; ++i) {
    const auto gap = static_cast<std::int16_t>(static_cast<std::uint16_t>(c[i] - c[i - 1]));
    widest = std::max(widest, gap);
  }
  return size > 1 && c[size - 1] - c[0] > 32767 ? 65535 : widest;
}

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

void WeightRows::read_dense(std::int64_t row, RowEntries& out) const {
  const std::uint16_t* in = dense_.row(row);
  pack_nonzero(dtype_, reinterpret_cast<const std::byte*>(in), cols_, out.words.data());
  if (mask_ != nullptr) {
    for (std::size_t w = 0; w < out.words.size(); ++w) {
      out.words[w] &= mask_[row * words_per_row_ + static_cast<std::int64_t>(w)];
    }
  }
  list_columns(out);
  for (std::size_t i = 0; i < static_cast<std::size_t>(out.size); ++i) out.values[i] = in[out.columns[i]];
}

void WeightRows::read_packed(std::int64_t index, RowEntries& out) const {
  const auto [part, row] = locate(index);
  out.words.back() = 0;
  std::memcpy(out.words.data(), part->row_bitmap(row), static_cast<std::size_t>(part->row_bytes()));
  list_columns(out);
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
