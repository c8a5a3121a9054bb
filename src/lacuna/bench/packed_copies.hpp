// A matrix in the bitmap layout (docs/formats/packed.md), and copies of it that leave the cache.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lacuna/bench/weight_copies.hpp"
#include "lacuna/kernels/expand/expand.hpp"

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

class PackedCopies {
 public:
  PackedCopies(DType dtype, BenchShape shape, std::span<const std::byte> weights, std::size_t rotated_bytes);

  kernels::PackedRows at(std::int64_t turn) const;
  std::size_t bytes() const { return first_.bytes(); }  // of one copy

 private:
  PackedBitmap first_;
  std::vector<AlignedBuffer<std::uint8_t>> bitmaps_;
  std::vector<AlignedBuffer<std::byte>> values_;
};

}  // namespace lacuna
