// A matrix of bits: the pattern of a weight matrix, a mask, a set of features.
//
// Layout   row = ceil(cols/64) u64 words; bit c is word c/64, bit c%64.
//          Padding bits are zero: every operation keeps that invariant, so counts and comparisons read whole words.
// Exact    the same bits on every ISA and thread count.
// Threads  const members are safe to call concurrently; whole-matrix operations are parallel inside.
// Errors   Error{invalid_argument}: a negative extent, a view that is not rank 2, too few or too many packed bytes.
//          Error{shape_mismatch}: operands of different shape. Error{out_of_memory}.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna {

class BitMatrix {
 public:
  BitMatrix() = default;
  BitMatrix(std::int64_t rows, std::int64_t cols);  // all zero
  BitMatrix(const BitMatrix& other);
  BitMatrix& operator=(const BitMatrix& other);
  BitMatrix(BitMatrix&&) noexcept = default;
  BitMatrix& operator=(BitMatrix&&) noexcept = default;

  // W ≠ 0 for a rank-2 view of any type and strides: −0.0 is zero, NaN is not. Elements are tested on their raw bits,
  // nothing is widened.
  static BitMatrix nonzero(const TensorView& weights);

  // numpy.packbits(bits, axis=1): rows of ceil(cols/8) bytes, the first column in the highest bit. Padding bits of the
  // input are ignored; those of the output are zero.
  static BitMatrix from_packbits(std::span<const std::byte> bytes, std::int64_t rows, std::int64_t cols);
  std::vector<std::byte> to_packbits() const;
  static std::int64_t packbits_row_bytes(std::int64_t cols) { return cols / 8 + (cols % 8 != 0 ? 1 : 0); }

  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }
  std::int64_t numel() const { return rows_ * cols_; }
  std::int64_t row_words() const { return row_words_; }
  std::uint64_t* row(std::int64_t r) { return words_.data() + r * row_words_; }
  const std::uint64_t* row(std::int64_t r) const { return words_.data() + r * row_words_; }

  bool get(std::int64_t r, std::int64_t c) const { return ((row(r)[c / 64] >> (c % 64)) & 1U) != 0; }
  void set(std::int64_t r, std::int64_t c, bool value) {
    const std::uint64_t bit = std::uint64_t{1} << (c % 64);
    std::uint64_t& word = row(r)[c / 64];
    word = value ? word | bit : word & ~bit;
  }

  BitMatrix transposed() const;
  std::uint64_t count() const;                       // set bits
  std::vector<std::uint32_t> row_counts() const;     // set bits of each row
  std::vector<std::uint32_t> column_counts() const;  // set bits of each column

  BitMatrix operator~() const;
  friend BitMatrix operator&(const BitMatrix& a, const BitMatrix& b);
  friend BitMatrix operator|(const BitMatrix& a, const BitMatrix& b);
  friend BitMatrix operator^(const BitMatrix& a, const BitMatrix& b);
  friend bool operator==(const BitMatrix& a, const BitMatrix& b);

 private:
  std::int64_t rows_ = 0;
  std::int64_t cols_ = 0;
  std::int64_t row_words_ = 0;
  AlignedBuffer<std::uint64_t> words_;
};

// Copies `weights` (rank 2, any type and strides) row-major to out, with a zero of its type wherever `keep` is 0.
// out holds weights.bytes() bytes and may be the view's own memory when the view is contiguous.
void apply_mask(const TensorView& weights, const BitMatrix& keep, std::byte* out);

}  // namespace lacuna
