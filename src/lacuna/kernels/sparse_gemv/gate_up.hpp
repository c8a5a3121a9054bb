// The gated first half of an MLP, reading only the columns whose input matters, on the processor.
//
//   y[b,i] = f(gate[b,i]) · up[b,i]      gate, up: products of the same x as kernels/sparse_gemv defines them
//
// Each matrix has a threshold and a bias of its own. A thread finishes the rows that it owns of both: it starts once
// for two products and the activation.
//
// Layout    gate, up: of equal rows and cols. x: batch×cols. y, scratch: batch×rows, any row stride; scratch takes the
//           second factor, and nothing aliases anything.
// Exact     the same bits as sparse_gemv of both and then activate_gated at the same ISA level, with any number of
//           threads and panels.
// Cost      active·rows weights of each matrix read once.
// Threads   parallel over rows inside; safe on distinct y and scratch.
// Errors    Error{out_of_memory}. Shapes are the caller's promise (asserted).
// Source    kernels/sparse_gemv/README.md; TEAL (arXiv:2408.14690).
#pragma once

#include "lacuna/kernels/activation/activation.hpp"
#include "lacuna/kernels/sparse_gemv/column_panels.hpp"

namespace lacuna::kernels {

struct ColumnFactor {
  const ColumnPanels* w = nullptr;
  float threshold = -1.0F;
  const float* bias = nullptr;  // rows, or null
};

struct GateUp {
  ColumnFactor gate;
  ColumnFactor up;
  Activation activation = Activation::silu;
  MatrixView<float> y;
  MatrixView<float> scratch;
};

void sparse_gate_up(MatrixView<const float> x, const GateUp& product);

}  // namespace lacuna::kernels
