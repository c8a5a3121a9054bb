#include "lacuna/kernels/sparse_gemv/gate_up.hpp"

#include <algorithm>
#include <vector>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/kernels/dispatch/dispatch.hpp"
#include "lacuna/kernels/sparse_gemv/row_range.hpp"

namespace lacuna::kernels {
namespace {

using Parts = std::vector<ColumnPanels::Part>;

Parts parts_of(const ColumnFactor& factor, MatrixView<float> y) {
  Parts parts;
  factor.w->append(factor.threshold, factor.bias, y, false, parts);
  return parts;
}

// Rows [first, end) of the matrix that `parts` are panels of.
void multiply_rows(const Parts& parts, const ActiveColumns& active, std::int64_t first, std::int64_t end,
                   std::int64_t first_batch_row) {
  std::int64_t before = 0;
  for (const auto& part : parts) {
    const std::int64_t rows = part.product.w.rows;
    RowRange range = {&part.product, &active, std::max<std::int64_t>(first - before, 0), std::min(end - before, rows)};
    range.first_batch_row = first_batch_row;
    if (range.first < range.end) multiply_range(range);
    before += rows;
  }
}

void activate_rows(const GateUp& p, std::int64_t first, std::int64_t end, std::int64_t batch_row) {
  const auto n = static_cast<std::size_t>(end - first);
  activate_gated(p.activation, {p.y.row(batch_row) + first, n}, {p.scratch.row(batch_row) + first, n});
}

// Rows [first_row, first_row + x.rows) of the batch: up to kLargestBatch, a power of two of them.
void multiply_batch(MatrixView<const float> x, std::int64_t first_row, const GateUp& p, const Parts& gate,
                    const Parts& up) {
  ActiveLists lists(x);
  const ActiveColumns& of_gate = lists.of(p.gate.threshold);
  const ActiveColumns& of_up = lists.of(p.up.threshold);
  const std::int64_t rows = p.y.cols;
  const std::int64_t parts = parts_of_work((of_gate.count + of_up.count + 2) * rows);
  const std::int64_t step =
      (rows + parts * kStrip - 1) / (parts * kStrip) * kStrip;  // a panel where each has its thread
  parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t first = std::min(begin * step, rows);
    const std::int64_t last = std::min(end * step, rows);
    if (first == last) return;
    multiply_rows(gate, of_gate, first, last, first_row);
    multiply_rows(up, of_up, first, last, first_row);
    for (std::int64_t b = 0; b < x.rows; ++b) activate_rows(p, first, last, first_row + b);
  });
}

}  // namespace

void sparse_gate_up(MatrixView<const float> x, const GateUp& p) {
  LACUNA_ASSERT(p.gate.w->rows() == p.y.cols && p.up.w->rows() == p.y.cols && p.gate.w->cols() == x.cols &&
                p.up.w->cols() == x.cols && p.y.rows == x.rows && p.scratch.rows == x.rows &&
                p.scratch.cols == p.y.cols);
  Parts gate = parts_of(p.gate, p.y);
  Parts up = parts_of(p.up, p.scratch);
  if (!use_simd()) {
    sparse_gemv(x, gate);
    sparse_gemv(x, up);
    for (std::int64_t b = 0; b < x.rows; ++b) activate_rows(p, 0, p.y.cols, b);
    return;
  }
  for (std::int64_t row = 0; row < x.rows;) {
    const std::int64_t batch = rows_together(x.rows - row);
    multiply_batch(x.block(row, batch, 0, x.cols), row, p, gate, up);
    row += batch;
  }
}

}  // namespace lacuna::kernels
