// A matrix in the bitmap layout (docs/formats/packed.md), and copies of it that leave the cache.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lacuna/bench/weight_copies.hpp"
#include "lacuna/kernels/expand/expand.hpp"
#include "lacuna/kernels/packed_gemv/sliced_rows.hpp"

namespace lacuna {

// The bitmap layout of one matrix, made in memory.
struct PackedBitmap {
  DType dtype = DType::bf16;
  BenchShape shape;
  AlignedBuffer<std::uint8_t> bitmap;
  AlignedBuffer<std::byte> values;
  AlignedBuffer<std::uint64_t> row_starts;

  kernels::PackedRows rows() const {
    return {dtype, shape.rows, shape.cols, bitmap.data(), values.data(), row_starts.data()};
  }
  std::size_t bytes() const { return bitmap.size() + values.size(); }
};
PackedBitmap pack_bitmap(DType dtype, BenchShape shape, std::span<const std::byte> weights);  // throws out_of_memory

// In the form that a model runs from: bitmap and values, or slices where they are faster.
class PackedCopies {
 public:
  PackedCopies(DType dtype, BenchShape shape, std::span<const std::byte> weights, std::size_t rotated_bytes);

  void multiply(std::int64_t turn, const float* x, float* y) const;
  std::string form() const { return sliced() ? "slices" : "bitmap"; }                    // that multiply() reads
  std::size_t bytes() const { return sliced() ? slices_[0]->bytes() : first_.bytes(); }  // of one copy
  double roundings() const;                                                              // for check_product

 private:
  bool sliced() const { return !slices_.empty(); }
  kernels::PackedRows at(std::size_t copy) const;

  PackedBitmap first_;
  std::vector<AlignedBuffer<std::uint8_t>> bitmaps_;
  std::vector<AlignedBuffer<std::byte>> values_;
  std::vector<std::shared_ptr<const kernels::SlicedRows>> slices_;  // of each copy, or none
};

}  // namespace lacuna
