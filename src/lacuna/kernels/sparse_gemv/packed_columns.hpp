// A matrix whose zeros are left out, by columns: products that skip columns then read only what is left of the others.
//
//   PackedColumns columns(packed_rows, thread_count());     // once, when a model is loaded
//   columns.append(threshold, bias, y, accumulate, parts);  // of each matrix that reads x
//   packed_columns_gemv(x, parts);
//
// The product is that of sparse_gemv.hpp on the dense matrix; panels are those of column_panels.hpp.
//
// Layout    f16 or bf16. A panel of rows is stored by columns, column j at byte starts[j]: a bitmap of ceil(rows/64)
//           words, bit i%64 of word i/64 for row i, bits beyond the rows zero, then the values of the set bits in the
//           order of rows. Panels are at most kMostRows high.
// Exact     elements are moved, never interpreted; a zero is left out where all its bits are zero. The bits of
//           sparse_gemv on the dense matrix, on every ISA and with any number of threads: zeros are put back in
//           registers and multiplied, so that a NaN or an infinity in x meets them as it would meet dense zeros.
//           Every row of a batch has the bits it has alone.
// Cost      making: one pass over W; 256 columns of a panel as scratch. Product: what is stored of the active columns,
//           once for each row of x.
// Threads   making and products are parallel inside, over whole panels; const functions are safe from any
//           thread.
// Errors    Error{out_of_memory}. Shapes and types are the caller's promise (asserted).
// Source    kernels/sparse_gemv/README.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lacuna/core/buffer.hpp"
#include "lacuna/core/tensor.hpp"
#include "lacuna/kernels/expand/expand.hpp"

namespace lacuna::kernels {

struct PackedPanel {
  DType dtype = DType::bf16;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  const std::byte* data = nullptr;        // 128 bytes beyond the last column are readable
  const std::uint64_t* starts = nullptr;  // cols + 1, bytes

  std::int64_t words() const { return (rows + 63) / 64; }  // of a column's bitmap
};

class PackedColumns {
 public:
  static constexpr std::int64_t kMostRows = 6144;  // of a panel: its sums are 24 KiB of L1

  PackedColumns(const PackedRows& packed, int threads);
  // w: rows×cols, row-major without gaps.
  PackedColumns(DType dtype, const std::byte* w, std::int64_t rows, std::int64_t cols, int threads);

  DType dtype() const { return dtype_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }
  std::int64_t panel_rows() const { return panel_rows_; }
  std::size_t bytes() const;

  // y = W·x + bias (added to y where `accumulate`) as products of panels, appended. bias may be null.
  struct Part {
    double place = 0.0;  // of the panel within its matrix, in (0, 1)
    PackedPanel w;
    float threshold = -1.0F;
    const float* bias = nullptr;  // w.rows, or null
    MatrixView<float> y;
    bool accumulate = false;
  };
  void append(float threshold, const float* bias, MatrixView<float> y, bool accumulate, std::vector<Part>& parts) const;

 private:
  struct Panel {
    AlignedBuffer<std::byte> data;
    std::vector<std::uint64_t> starts;
  };
  PackedColumns(DType dtype, std::int64_t rows, std::int64_t cols, int threads);
  template <typename Make>
  void make_panels(Make make);
  template <typename TileAt>
  Panel make_panel(std::int64_t rows, std::uint64_t stored, TileAt tile_at) const;

  DType dtype_ = DType::bf16;
  std::int64_t rows_ = 0;
  std::int64_t cols_ = 0;
  std::int64_t panel_rows_ = 0;
  std::vector<Panel> panels_;
};

// All products of one input; orders them so that each thread's share is of panels at the same place.
void packed_columns_gemv(MatrixView<const float> x, std::vector<PackedColumns::Part>& parts);

namespace scalar {
void packed_columns_gemv(MatrixView<const float> x, const std::vector<PackedColumns::Part>& parts);
}  // namespace scalar

}  // namespace lacuna::kernels
