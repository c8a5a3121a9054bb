// Matrix-vector product that skips blocks of eight features where all eight weights of a row are zero.
//
//   y = alpha · W·x + beta · y      W: rows×cols in blocks, x: cols in the order of the blocks, y: rows
//
// The columns of W are put in an order (clusters, groups) and cut into blocks of eight; of every row only the blocks
// with a weight in them are stored and multiplied. What that saves is the block coherence of the order
// (cluster/coherence.hpp); it costs one bit a block, 1/128 of a dense matrix of 16-bit elements.
//
// Layout      row r: bits [r·bitmap_words·64, …) of which bit g says that block g is stored, none beyond `blocks`; then
//             its stored blocks, eight elements each, from values + row_starts[r]·8 elements on; the last block is
//             filled up with zeros. x has blocks·8 floats, those beyond cols zero.
// Accuracy    f32 products and sums in 32 partial sums: relative error of a row ≤ (n/32 + 16)·2⁻²⁴·Σ|w·x|, n weights
//             in stored blocks; the scalar code sums in f64. A row's bits depend on the ISA level alone.
// Non-finite  an infinity or NaN in x spreads through stored blocks, zero weights included, and through no other.
// Cost        one pass over bits and stored blocks; 4 bytes a block of scratch.
// Threads     parallel over rows inside; safe on distinct y.
// Errors      Error{out_of_memory}. The caller has held bitmap, row_starts and values against each other.
// Source      kernels/block_gemv/README.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lacuna/core/dtype.hpp"

namespace lacuna::kernels {

inline constexpr std::int64_t kBlockFeatures = 8;

struct BlockRows {
  DType dtype = DType::bf16;  // f32, f16 or bf16
  std::int64_t rows = 0;
  std::int64_t blocks = 0;  // of a row
  const std::uint64_t* bitmap = nullptr;
  const std::byte* values = nullptr;
  const std::uint64_t* row_starts = nullptr;  // rows + 1, in blocks

  std::int64_t bitmap_words() const { return (blocks + 63) / 64; }
  const std::uint64_t* row_bitmap(std::int64_t r) const { return bitmap + r * bitmap_words(); }
  const std::byte* row_values(std::int64_t r) const {
    return values + row_starts[r] * static_cast<std::uint64_t>(kBlockFeatures) * dtype_bytes(dtype);
  }
};

void block_gemv(const BlockRows& w, const float* x, float* y, float alpha = 1.0F, float beta = 0.0F);

namespace scalar {
void block_gemv(const BlockRows& w, const float* x, float* y, float alpha = 1.0F, float beta = 0.0F);
}  // namespace scalar

}  // namespace lacuna::kernels
