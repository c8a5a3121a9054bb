// A matrix in blocks of eight features, empty blocks left out, under an order of its columns (kernels/block_gemv).
//
//   BlockMatrix blocks(weights, grouped_order(group_features(patterns, 8, seed)));
//   blocks.multiply(x, y);                       // x and y as for the matrix as stored
//
// A block is empty when the bits of all its elements, the sign aside, are zero: −0 is left out, NaN is not.
//
// Layout    weights: rank 2, f32, f16 or bf16, any strides. order: a permutation of the columns.
// Accuracy  kernels/block_gemv.
// Cost      construction reads the matrix twice; memory: the stored blocks, one bit a block, 8 bytes a row and column.
// Threads   construction and multiply are parallel inside; multiply is safe on distinct outputs.
// Errors    Error{invalid_argument}: rank, element type, an order that is no permutation. Error{out_of_memory}.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/tensor.hpp"
#include "lacuna/kernels/block_gemv/block_gemv.hpp"

namespace lacuna {

class BlockMatrix {
 public:
  BlockMatrix(const TensorView& weights, std::span<const std::int64_t> order);
  explicit BlockMatrix(const TensorView& weights);  // as stored

  BlockMatrix copy() const;

  void multiply(const float* x, float* y) const;  // y = W·x

  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return static_cast<std::int64_t>(order_.size()); }
  std::span<const std::int64_t> order() const { return order_; }
  bool is_as_stored() const;
  kernels::BlockRows view() const;
  double skipped() const;     // share of the blocks left out
  std::size_t bytes() const;  // that a product reads

 private:
  BlockMatrix() = default;
  void mark_blocks(const TensorView& weights);
  void copy_blocks(const TensorView& weights);

  DType dtype_ = DType::bf16;
  std::int64_t rows_ = 0;
  std::int64_t blocks_ = 0;
  std::vector<std::int64_t> order_;
  AlignedBuffer<std::uint64_t> bitmap_;
  AlignedBuffer<std::uint64_t> row_starts_;
  AlignedBuffer<std::byte> values_;
};

// Speed against a dense product where memory is the limit, from the share of blocks skipped: a ratio of bytes.
double predicted_block_speedup(double skipped, DType dtype);
// From which share it is above 1.
double block_break_even(DType dtype);

}  // namespace lacuna
