#include "lacuna/bench/packed_copies.hpp"

#include <algorithm>
#include <cstring>

#include "lacuna/bench/product_check.hpp"
#include "lacuna/kernels/packed_gemv/packed_gemv.hpp"
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
  if (auto slices = kernels::make_slices_if_faster(first_.rows())) slices_.push_back(std::move(slices));
  const std::int64_t copies = copies_to_rotate(bytes(), rotated_bytes);
  for (std::int64_t i = 0; i < copies; ++i) {
    if (sliced()) {
      if (i > 0) slices_.push_back(kernels::make_slices_if_faster(first_.rows()));
    } else {
      bitmaps_.push_back(copy_of(first_.bitmap));
      values_.push_back(copy_of(first_.values));
    }
  }
}

kernels::PackedRows PackedCopies::at(std::size_t copy) const {
  kernels::PackedRows rows = first_.rows();
  rows.bitmap = bitmaps_[copy].data();
  rows.values = values_[copy].data();
  return rows;
}

void PackedCopies::multiply(std::int64_t turn, const float* x, float* y) const {
  const auto copy = static_cast<std::size_t>(turn);
  if (sliced()) return kernels::sliced_gemv(*slices_[copy % slices_.size()], x, y);
  kernels::packed_gemv(at(copy % bitmaps_.size()), x, y);
}

double PackedCopies::roundings() const {
  if (!sliced()) return dense_roundings(first_.shape);
  std::uint64_t most = 0;  // values of a row
  for (std::int64_t r = 0; r < first_.shape.rows; ++r) most = std::max(most, first_.rows().row_count(r));
  return static_cast<double>(most) / 2 + 4;  // sliced_rows.hpp
}

}  // namespace lacuna
