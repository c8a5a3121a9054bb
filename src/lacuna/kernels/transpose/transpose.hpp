// A matrix of 16-bit or 32-bit elements with its rows and columns exchanged.
//
//   out[c, r] = in[r, c]      in: rows×cols, out: cols×rows
//
// Layout   row-major with any strides ≥ the row length; nothing needs alignment; out must not overlap in.
// Exact    elements are moved, never interpreted.
// Cost     one read and one write of the matrix, in blocks of whole cache lines.
// Threads  parallel inside, each thread writing rows of its own; safe on distinct outputs.
// Errors   none.
// Source   kernels/transpose/README.md.
#pragma once

#include <cstdint>

#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

void transpose(MatrixView<const std::uint16_t> in, MatrixView<std::uint16_t> out);
void transpose(MatrixView<const std::uint32_t> in, MatrixView<std::uint32_t> out);

namespace scalar {
void transpose(MatrixView<const std::uint16_t> in, MatrixView<std::uint16_t> out);
void transpose(MatrixView<const std::uint32_t> in, MatrixView<std::uint32_t> out);
}  // namespace scalar

}  // namespace lacuna::kernels
