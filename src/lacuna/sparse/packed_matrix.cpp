#include "lacuna/sparse/packed_matrix.hpp"

#include <fmt/format.h>

#include <bit>

#include "lacuna/core/digest.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/printable.hpp"

namespace lacuna {

kernels::PackedRows PackedMatrix::rows() const {
  kernels::PackedRows rows;
  rows.dtype = plan_.dtype;
  rows.rows = plan_.rows;
  rows.cols = plan_.cols;
  rows.bitmap = bitmap_.empty() ? reinterpret_cast<const std::uint8_t*>(structure_.data()) : bitmap_.data();
  rows.values = values_.data();
  rows.row_starts = row_starts_.data();
  return rows;
}

std::shared_ptr<const PackedMatrix> PackedMatrix::pack(std::string name, const TensorView& matrix) {
  auto plan = plan_packing(matrix);
  if (!plan) return nullptr;
  plan->layout = {};  // rows() needs the bitmap whatever the layout
  plan->stored = plan->nonzeros;
  auto packed = std::make_shared<PackedMatrix>();
  packed->name_ = std::move(name);
  packed->plan_ = *plan;
  const auto row_bytes = static_cast<std::size_t>(plan->structure_row_bytes());
  packed->bitmap_ = AlignedBuffer<std::uint8_t>(static_cast<std::size_t>(plan->rows) * row_bytes);
  pack_part(matrix, *plan, PackedPart::bitmap, std::as_writable_bytes(packed->bitmap_.span()));
  packed->owned_values_ = AlignedBuffer<std::byte>(plan->stored * dtype_bytes(plan->dtype));
  pack_part(matrix, *plan, PackedPart::values, packed->owned_values_.span());
  packed->values_ = packed->owned_values_.span();
  packed->row_starts_ = AlignedBuffer<std::uint64_t>(static_cast<std::size_t>(plan->rows) + 1);
  packed->row_starts_[0] = 0;
  for (std::size_t r = 0; r < static_cast<std::size_t>(plan->rows); ++r) {
    std::uint64_t ones = 0;
    for (std::size_t i = 0; i < row_bytes; ++i) {
      ones += static_cast<unsigned>(std::popcount(packed->bitmap_[r * row_bytes + i]));
    }
    packed->row_starts_[r + 1] = packed->row_starts_[r] + ones;
  }
  return packed;
}

void PackedMatrix::verify() const {
  Sha256 digest;
  const std::string identity = packed_identity(name_, plan_);
  digest.update(std::as_bytes(std::span(identity)));
  digest.update(structure_);
  digest.update(starts_);
  digest.update(values_);
  const std::string found = digest.hex();
  if (found == digest_) return;
  throw Error(ErrorCode::corrupt_file,
              fmt::format("{}: expected SHA-256 {} of the packed matrix, found {}", printable(name_), digest_, found))
      .at(file_->path(), static_cast<std::uint64_t>(values_.data() - file_->bytes().data()));
}

}  // namespace lacuna
