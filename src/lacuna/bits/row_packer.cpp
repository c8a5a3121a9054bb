#include "lacuna/bits/row_packer.hpp"

#include <fmt/format.h>

#include <cstring>

#include "lacuna/core/error.hpp"
#include "lacuna/kernels/pack/pack.hpp"

namespace lacuna {

void require_matrix(const TensorView& view, const char* what) {
  if (view.shape.size() == 2) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("{}: expected a matrix (rank 2), got shape {}", what, shape_text(view.shape)));
}

RowPacker::RowPacker(const TensorView& matrix) : matrix_(matrix) {
  const bool contiguous_rows = matrix.strides[1] == 1 || matrix.shape[1] <= 1;
  if (!contiguous_rows) gathered_.resize(static_cast<std::size_t>(matrix.shape[1]) * dtype_bytes(matrix.dtype));
}

void RowPacker::pack(std::int64_t row, std::uint64_t* words) {
  const std::int64_t cols = matrix_.shape[1];
  if (cols == 0) return;
  const std::size_t width = dtype_bytes(matrix_.dtype);
  const auto signed_width = static_cast<std::int64_t>(width);
  const std::byte* elements = matrix_.data + row * matrix_.strides[0] * signed_width;
  if (!gathered_.empty()) {
    const std::int64_t step = matrix_.strides[1] * signed_width;
    for (std::int64_t c = 0; c < cols; ++c) {
      std::memcpy(gathered_.data() + c * signed_width, elements + c * step, width);
    }
    elements = gathered_.data();
  }
  kernels::pack_nonzero(matrix_.dtype, elements, cols, words);
}

}  // namespace lacuna
