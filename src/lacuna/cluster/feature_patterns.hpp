// The patterns of a matrix's features: one row of bits per feature, ready for distances between them.
//
// A feature is a column of W unless said otherwise; its pattern is the 0/1 vector W[:, j] ≠ 0, one bit for each row of
// W. So bits() is (W ≠ 0)ᵀ: feature j's pattern is its row j. panels() is the same, interleaved for kernels/hamming.
//
// Cost     twice the bits in memory.
// Threads  const after construction: safe to share.
// Errors   Error{invalid_argument}: a view that is not rank 2. Error{limit_exceeded}: 2³⁰ features or rows, or more.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/bits/bit_matrix.hpp"
#include "lacuna/core/buffer.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna {

class FeaturePatterns {
 public:
  explicit FeaturePatterns(BitMatrix features);               // one feature per row
  static FeaturePatterns columns(const TensorView& weights);  // features are the columns of W

  std::int64_t count() const { return bits_.rows(); }
  std::int64_t rows() const { return bits_.cols(); }  // of W: the bits of one pattern
  const BitMatrix& bits() const { return bits_; }
  const std::vector<std::uint32_t>& ones() const { return ones_; }  // non-zeros of each feature

  std::int64_t panel_words() const { return panel_words_; }
  const std::uint64_t* panel(std::int64_t p) const { return panels_.data() + p * panel_words_; }

  double density() const;

 private:
  BitMatrix bits_;
  std::vector<std::uint32_t> ones_;
  std::int64_t panel_words_ = 0;
  AlignedBuffer<std::uint64_t> panels_;
};

// Throws Error{invalid_argument} unless 0 ≤ feature < patterns.count().
void require_feature(const FeaturePatterns& patterns, std::int64_t feature);

}  // namespace lacuna
