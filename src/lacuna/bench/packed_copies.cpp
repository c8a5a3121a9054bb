#include "lacuna/bench/packed_copies.hpp"

#include <cstring>

#include "lacuna/sparse/packer.hpp"

namespace lacuna {
namespace {

template <typename T>
AlignedBuffer<T> copy_of(const AlignedBuffer<T>& from) {
  AlignedBuffer<T> to(from.size());
  if (!from.empty()) std::memcpy(to.data(), from.data(), from.size() * sizeof(T));
  return to;
}

}  // namespace

PackedBitmap pack_bitmap(DType dtype, BenchShape shape, std::span<const std::byte> weights) {
  PackedBitmap packed;
  packed.dtype = dtype;
  packed.shape = shape;
  const TensorView matrix = make_tensor_view(dtype, {shape.rows, shape.cols}, weights.data());
  PackingPlan plan;
  plan.dtype = dtype;
  plan.rows = shape.rows;
  plan.cols = shape.cols;
  packed.bitmap = AlignedBuffer<std::uint8_t>(static_cast<std::size_t>(shape.rows * ((shape.cols + 7) / 8)));
  pack_part(matrix, plan, PackedPart::bitmap, std::as_writable_bytes(packed.bitmap.span()));
  packed.row_starts = AlignedBuffer<std::uint64_t>(static_cast<std::size_t>(shape.rows) + 1);
  packed.row_starts[0] = 0;
  const std::int64_t row_bytes = (shape.cols + 7) / 8;
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    std::uint64_t count = 0;
    for (std::int64_t i = 0; i < row_bytes; ++i) {
      count +=
          static_cast<std::uint64_t>(__builtin_popcount(packed.bitmap[static_cast<std::size_t>(r * row_bytes + i)]));
    }
    packed.row_starts[static_cast<std::size_t>(r) + 1] = packed.row_starts[static_cast<std::size_t>(r)] + count;
  }
  plan.stored = plan.nonzeros = packed.row_starts[static_cast<std::size_t>(shape.rows)];
  packed.values = AlignedBuffer<std::byte>(plan.stored * dtype_bytes(dtype));
  pack_part(matrix, plan, PackedPart::values, packed.values.span());
  return packed;
}

PackedCopies::PackedCopies(DType dtype, BenchShape shape, std::span<const std::byte> weights, std::size_t rotated_bytes)
    : first_(pack_bitmap(dtype, shape, weights)) {
  for (std::int64_t i = copies_to_rotate(first_.bytes(), rotated_bytes); i > 0; --i) {
    bitmaps_.push_back(copy_of(first_.bitmap));
    values_.push_back(copy_of(first_.values));
  }
}

kernels::PackedRows PackedCopies::at(std::int64_t turn) const {
  kernels::PackedRows rows = first_.rows();
  const std::size_t copy = static_cast<std::size_t>(turn) % bitmaps_.size();
  rows.bitmap = bitmaps_[copy].data();
  rows.values = values_[copy].data();
  return rows;
}

}  // namespace lacuna
