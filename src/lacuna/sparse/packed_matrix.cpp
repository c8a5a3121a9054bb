#include "lacuna/sparse/packed_matrix.hpp"

#include <fmt/format.h>

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
