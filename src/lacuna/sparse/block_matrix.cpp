#include "lacuna/sparse/block_matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "lacuna/core/error.hpp"
#include "lacuna/core/permutation.hpp"
#include "lacuna/core/threads.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kBlock = kernels::kBlockFeatures;
constexpr std::int64_t kRowsAtOnce = 16;

void require_weights(const TensorView& weights) {
  const bool known = weights.dtype == DType::f32 || weights.dtype == DType::f16 || weights.dtype == DType::bf16;
  if (weights.shape.size() != 2 || !known) {
    throw Error(ErrorCode::invalid_argument, fmt::format("weights: expected a matrix of f32, f16 or bf16, got {} {}",
                                                         dtype_name(weights.dtype), shape_text(weights.shape)));
  }
}

const std::byte* element(const TensorView& weights, std::int64_t r, std::int64_t c) {
  const std::int64_t at = r * weights.strides[0] + c * weights.strides[1];
  return weights.data + at * static_cast<std::int64_t>(dtype_bytes(weights.dtype));
}

template <typename Bits>
bool is_kept(const std::byte* at) {
  Bits bits = 0;
  std::memcpy(&bits, at, sizeof(bits));
  return static_cast<Bits>(bits << 1U) != 0;
}

bool is_kept(DType dtype, const std::byte* at) {
  return dtype == DType::f32 ? is_kept<std::uint32_t>(at) : is_kept<std::uint16_t>(at);
}

template <typename T>
AlignedBuffer<T> copy_of(const AlignedBuffer<T>& from) {
  AlignedBuffer<T> to(from.size());
  std::copy(from.begin(), from.end(), to.begin());
  return to;
}

std::vector<std::int64_t> as_stored(const TensorView& weights) {
  require_weights(weights);
  std::vector<std::int64_t> order(static_cast<std::size_t>(weights.shape[1]));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

}  // namespace

BlockMatrix::BlockMatrix(const TensorView& weights, std::span<const std::int64_t> order) : dtype_(weights.dtype) {
  require_weights(weights);
  require_permutation(order, weights.shape[1]);
  rows_ = weights.shape[0];
  blocks_ = (weights.shape[1] + kBlock - 1) / kBlock;
  order_.assign(order.begin(), order.end());
  mark_blocks(weights);
  copy_blocks(weights);
}

BlockMatrix::BlockMatrix(const TensorView& weights) : BlockMatrix(weights, as_stored(weights)) {}

bool BlockMatrix::is_as_stored() const { return std::is_sorted(order_.begin(), order_.end()); }

void BlockMatrix::mark_blocks(const TensorView& weights) {
  const std::int64_t words = (blocks_ + 63) / 64;
  bitmap_ = AlignedBuffer<std::uint64_t>::zeroed(static_cast<std::size_t>(rows_ * words));
  row_starts_ = AlignedBuffer<std::uint64_t>::zeroed(static_cast<std::size_t>(rows_) + 1);
  parallel_for(rows_, kRowsAtOnce, [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      std::uint64_t* bits = bitmap_.data() + r * words;
      for (std::size_t i = 0; i < order_.size(); ++i) {
        const std::size_t block = i / static_cast<std::size_t>(kBlock);
        if (is_kept(dtype_, element(weights, r, order_[i]))) bits[block / 64] |= std::uint64_t{1} << (block % 64);
      }
      std::uint64_t stored = 0;
      for (std::int64_t w = 0; w < words; ++w) stored += static_cast<std::uint64_t>(std::popcount(bits[w]));
      row_starts_[static_cast<std::size_t>(r) + 1] = stored;
    }
  });
  for (std::int64_t r = 0; r < rows_; ++r) {
    row_starts_[static_cast<std::size_t>(r) + 1] += row_starts_[static_cast<std::size_t>(r)];
  }
}

void BlockMatrix::copy_blocks(const TensorView& weights) {
  const std::size_t width = dtype_bytes(dtype_);
  const std::size_t block_bytes = static_cast<std::size_t>(kBlock) * width;
  values_ = AlignedBuffer<std::byte>::zeroed(static_cast<std::size_t>(row_starts_[static_cast<std::size_t>(rows_)]) *
                                             block_bytes);
  parallel_for(rows_, kRowsAtOnce, [&](std::int64_t begin, std::int64_t end) {
    for (auto r = begin; r < end; ++r) {
      const std::uint64_t* bits = view().row_bitmap(r);
      std::byte* out = values_.data() + row_starts_[static_cast<std::size_t>(r)] * block_bytes;
      for (std::int64_t g = 0; g < blocks_; ++g) {
        if ((bits[g / 64] >> (g % 64) & 1U) == 0) continue;
        for (std::int64_t i = g * kBlock; i < std::min((g + 1) * kBlock, cols()); ++i) {
          std::memcpy(out + static_cast<std::size_t>(i % kBlock) * width,
                      element(weights, r, order_[static_cast<std::size_t>(i)]), width);
        }
        out += block_bytes;
      }
    }
  });
}

BlockMatrix BlockMatrix::copy() const {
  BlockMatrix other;
  other.dtype_ = dtype_;
  other.rows_ = rows_;
  other.blocks_ = blocks_;
  other.order_ = order_;
  other.bitmap_ = copy_of(bitmap_);
  other.row_starts_ = copy_of(row_starts_);
  other.values_ = copy_of(values_);
  return other;
}

kernels::BlockRows BlockMatrix::view() const {
  return {dtype_, rows_, blocks_, bitmap_.data(), values_.data(), row_starts_.data()};
}

void BlockMatrix::multiply(const float* x, float* y) const {
  auto ordered = AlignedBuffer<float>::zeroed(static_cast<std::size_t>(blocks_ * kBlock));
  for (std::size_t i = 0; i < order_.size(); ++i) ordered[i] = x[order_[i]];
  kernels::block_gemv(view(), ordered.data(), y);
}

double BlockMatrix::skipped() const {
  const auto all = static_cast<double>(rows_) * static_cast<double>(blocks_);
  return all == 0.0 ? 0.0 : 1.0 - static_cast<double>(row_starts_[static_cast<std::size_t>(rows_)]) / all;
}

std::size_t BlockMatrix::bytes() const { return values_.size() + bitmap_.size() * sizeof(std::uint64_t); }

double predicted_block_speedup(double skipped, DType dtype) { return 1.0 / (1.0 - skipped + block_break_even(dtype)); }

double block_break_even(DType dtype) {
  return 1.0 / (8.0 * static_cast<double>(kBlock) * static_cast<double>(dtype_bytes(dtype)));
}

}  // namespace lacuna
