#include "lacuna/bits/bit_matrix.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "lacuna/bits/row_packer.hpp"
#include "lacuna/bits/transpose_block.hpp"
#include "lacuna/core/checked.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/bitcount/bitcount.hpp"

namespace lacuna {
namespace {

static_assert(std::endian::native == std::endian::little, "packed rows are copied as little-endian words");

constexpr std::int64_t kGrainWords = 1 << 14;  // words per thread below which threads cost more than they save

std::int64_t words_for(std::int64_t cols) { return cols / 64 + (cols % 64 != 0 ? 1 : 0); }

std::uint64_t tail_mask(std::int64_t cols) {
  const auto used = static_cast<unsigned>(cols % 64);
  return used == 0 ? ~std::uint64_t{0} : (std::uint64_t{1} << used) - 1;
}

std::int64_t row_grain(std::int64_t row_words) { return kGrainWords / std::max<std::int64_t>(row_words, 1) + 1; }

void require_same_shape(const BitMatrix& a, const BitMatrix& b) {
  if (a.rows() == b.rows() && a.cols() == b.cols()) return;
  throw Error(ErrorCode::shape_mismatch, fmt::format("bit matrices of different shape: [{}, {}] and [{}, {}]", a.rows(),
                                                     a.cols(), b.rows(), b.cols()));
}

template <typename Op>
BitMatrix combine(const BitMatrix& a, const BitMatrix& b, Op op) {
  require_same_shape(a, b);
  BitMatrix out(a.rows(), a.cols());
  const std::int64_t words = a.rows() * a.row_words();
  const std::uint64_t* x = a.row(0);
  const std::uint64_t* y = b.row(0);
  std::uint64_t* z = out.row(0);
  parallel_for(words, kGrainWords, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) z[i] = op(x[i], y[i]);
  });
  return out;
}

std::uint64_t reverse_each_byte(std::uint64_t x) {
  x = ((x >> 1U) & 0x5555555555555555U) | ((x & 0x5555555555555555U) << 1U);
  x = ((x >> 2U) & 0x3333333333333333U) | ((x & 0x3333333333333333U) << 2U);
  return ((x >> 4U) & 0x0F0F0F0F0F0F0F0FU) | ((x & 0x0F0F0F0F0F0F0F0FU) << 4U);
}

// The 64×64 block at block row R, word W, transposed: out[i] bit j = row 64·R + j, column 64·W + i.
void load_transposed(const BitMatrix& matrix, std::int64_t block_row, std::int64_t word, std::uint64_t* out) {
  const std::int64_t first = block_row * 64;
  const std::int64_t count = std::min<std::int64_t>(64, matrix.rows() - first);
  for (std::int64_t i = 0; i < 64; ++i) out[i] = i < count ? matrix.row(first + i)[word] : 0;
  transpose_block(out);
}

}  // namespace

BitMatrix::BitMatrix(std::int64_t rows, std::int64_t cols) : rows_(rows), cols_(cols), row_words_(words_for(cols)) {
  if (rows < 0 || cols < 0) {
    throw Error(ErrorCode::invalid_argument, fmt::format("bit matrix: expected extents ≥ 0, got [{}, {}]", rows, cols));
  }
  const auto words = checked_mul(static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(row_words_));
  if (!words || *words > static_cast<std::uint64_t>(INT64_MAX) / 64) {
    throw Error(ErrorCode::out_of_memory, fmt::format("bit matrix of [{}, {}] does not fit in memory", rows, cols));
  }
  words_ = AlignedBuffer<std::uint64_t>::zeroed(static_cast<std::size_t>(*words));
}

BitMatrix::BitMatrix(const BitMatrix& other) : BitMatrix(other.rows_, other.cols_) {
  if (!words_.empty()) std::memcpy(words_.data(), other.words_.data(), words_.size() * sizeof(std::uint64_t));
}

BitMatrix& BitMatrix::operator=(const BitMatrix& other) {
  if (this != &other) *this = BitMatrix(other);
  return *this;
}

BitMatrix BitMatrix::nonzero(const TensorView& weights) {
  require_matrix(weights, "pattern");
  BitMatrix bits(weights.shape[0], weights.shape[1]);
  parallel_for(bits.rows_, row_grain(bits.row_words_), [&](std::int64_t begin, std::int64_t end) {
    RowPacker packer(weights);
    for (auto r = begin; r < end; ++r) packer.pack(r, bits.row(r));
  });
  return bits;
}

BitMatrix BitMatrix::from_packbits(std::span<const std::byte> bytes, std::int64_t rows, std::int64_t cols) {
  const std::int64_t row_bytes = packbits_row_bytes(cols);
  const auto expected = checked_mul(static_cast<std::uint64_t>(std::max<std::int64_t>(rows, 0)),
                                    static_cast<std::uint64_t>(std::max<std::int64_t>(row_bytes, 0)));
  if (!expected || *expected != bytes.size()) {  // before the allocation, so that it is bounded by the input
    throw Error(ErrorCode::invalid_argument,
                fmt::format("packed bits of [{}, {}]: expected {} rows of {} bytes, got {} "
                            "bytes",
                            rows, cols, rows, row_bytes, bytes.size()));
  }
  BitMatrix bits(rows, cols);
  if (row_bytes == 0) return bits;
  for (std::int64_t r = 0; r < rows; ++r) {
    std::uint64_t* words = bits.row(r);
    std::memcpy(words, bytes.data() + r * row_bytes, static_cast<std::size_t>(row_bytes));
    for (std::int64_t w = 0; w < bits.row_words_; ++w) words[w] = reverse_each_byte(words[w]);
    words[bits.row_words_ - 1] &= tail_mask(cols);
  }
  return bits;
}

std::vector<std::byte> BitMatrix::to_packbits() const {
  const auto row_bytes = static_cast<std::size_t>(packbits_row_bytes(cols_));
  std::vector<std::byte> bytes(static_cast<std::size_t>(rows_) * row_bytes);
  std::vector<std::uint64_t> reversed(static_cast<std::size_t>(row_words_));
  for (std::int64_t r = 0; r < rows_ && row_bytes > 0; ++r) {
    for (std::size_t w = 0; w < reversed.size(); ++w) reversed[w] = reverse_each_byte(row(r)[w]);
    std::memcpy(bytes.data() + static_cast<std::size_t>(r) * row_bytes, reversed.data(), row_bytes);
  }
  return bytes;
}

BitMatrix BitMatrix::transposed() const {
  BitMatrix out(cols_, rows_);
  parallel_for(row_words_, 1, [&](std::int64_t begin, std::int64_t end) {
    std::uint64_t block[64];
    for (auto word = begin; word < end; ++word) {
      const std::int64_t columns = std::min<std::int64_t>(64, cols_ - word * 64);
      for (std::int64_t block_row = 0; block_row < out.row_words_; ++block_row) {
        load_transposed(*this, block_row, word, block);
        for (std::int64_t i = 0; i < columns; ++i) out.row(word * 64 + i)[block_row] = block[i];
      }
    }
  });
  return out;
}

std::uint64_t BitMatrix::count() const {
  return kernels::count_bits(words_.data(), static_cast<std::int64_t>(words_.size()));
}

std::vector<std::uint32_t> BitMatrix::row_counts() const {
  std::vector<std::uint32_t> counts(static_cast<std::size_t>(rows_));
  parallel_for(rows_, row_grain(row_words_), [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      counts[static_cast<std::size_t>(r)] = static_cast<std::uint32_t>(kernels::count_bits(row(r), row_words_));
    }
  });
  return counts;
}

std::vector<std::uint32_t> BitMatrix::column_counts() const {
  std::vector<std::uint32_t> counts(static_cast<std::size_t>(cols_));
  parallel_for(row_words_, 1, [&](std::int64_t begin, std::int64_t end) {
    std::uint64_t block[64];
    for (auto word = begin; word < end; ++word) {
      const std::int64_t columns = std::min<std::int64_t>(64, cols_ - word * 64);
      for (std::int64_t block_row = 0; block_row < words_for(rows_); ++block_row) {
        load_transposed(*this, block_row, word, block);
        for (std::int64_t i = 0; i < columns; ++i) {
          counts[static_cast<std::size_t>(word * 64 + i)] += static_cast<std::uint32_t>(std::popcount(block[i]));
        }
      }
    }
  });
  return counts;
}

BitMatrix BitMatrix::operator~() const {
  BitMatrix out = combine(*this, *this, [](std::uint64_t x, std::uint64_t) { return ~x; });
  if (row_words_ == 0) return out;
  for (std::int64_t r = 0; r < rows_; ++r) out.row(r)[row_words_ - 1] &= tail_mask(cols_);
  return out;
}

BitMatrix operator&(const BitMatrix& a, const BitMatrix& b) {
  return combine(a, b, [](std::uint64_t x, std::uint64_t y) { return x & y; });
}

BitMatrix operator|(const BitMatrix& a, const BitMatrix& b) {
  return combine(a, b, [](std::uint64_t x, std::uint64_t y) { return x | y; });
}

BitMatrix operator^(const BitMatrix& a, const BitMatrix& b) {
  return combine(a, b, [](std::uint64_t x, std::uint64_t y) { return x ^ y; });
}

bool operator==(const BitMatrix& a, const BitMatrix& b) {
  if (a.rows_ != b.rows_ || a.cols_ != b.cols_) return false;
  return a.words_.empty() ||
         std::memcmp(a.words_.data(), b.words_.data(), a.words_.size() * sizeof(std::uint64_t)) == 0;
}

void apply_mask(const TensorView& weights, const BitMatrix& keep, std::byte* out) {
  require_matrix(weights, "mask");
  if (weights.shape[0] != keep.rows() || weights.shape[1] != keep.cols()) {
    throw Error(ErrorCode::shape_mismatch,
                fmt::format("mask of [{}, {}] for weights of {}", keep.rows(), keep.cols(), shape_text(weights.shape)));
  }
  if (out != weights.data) copy_contiguous(weights, out);
  const auto width = static_cast<std::int64_t>(dtype_bytes(weights.dtype));
  parallel_for(keep.rows(), row_grain(keep.row_words()), [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      for (std::int64_t w = 0; w < keep.row_words(); ++w) {
        const std::uint64_t valid = w + 1 == keep.row_words() ? tail_mask(keep.cols()) : ~std::uint64_t{0};
        for (std::uint64_t zeros = ~keep.row(r)[w] & valid; zeros != 0; zeros &= zeros - 1) {
          const std::int64_t c = w * 64 + std::countr_zero(zeros);
          std::memset(out + (r * keep.cols() + c) * width, 0, static_cast<std::size_t>(width));
        }
      }
    }
  });
}

}  // namespace lacuna
