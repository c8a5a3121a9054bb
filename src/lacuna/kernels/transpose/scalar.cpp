#include "lacuna/kernels/transpose/transpose.hpp"

namespace lacuna::kernels::scalar {
namespace {

template <typename T>
void exchange(MatrixView<const T> in, MatrixView<T> out) {
  for (std::int64_t c = 0; c < in.cols; ++c) {
    for (std::int64_t r = 0; r < in.rows; ++r) out(c, r) = in(r, c);
  }
}

}  // namespace

void transpose(MatrixView<const std::uint16_t> in, MatrixView<std::uint16_t> out) { exchange(in, out); }
void transpose(MatrixView<const std::uint32_t> in, MatrixView<std::uint32_t> out) { exchange(in, out); }

}  // namespace lacuna::kernels::scalar
