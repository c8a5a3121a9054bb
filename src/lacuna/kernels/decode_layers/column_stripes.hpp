// The weights of one product as the blocks of a step read them (cuda.hpp): the outputs are dealt to blocks in stripes
// of consecutive octets, and a block's stripe lies by itself, column after column, so that all columns of a stripe are
// consecutive bytes.
//
//   ColumnStripes stripes(DType::f16, {4096, 1024, 1024}, 4096, false);
//   stripes.fill(columns);        // from columns of each part
//   stripes.expand(columns);      // and back
//
//   stripe of block b    pairs of octets P·b/B … P·(b+1)/B − 1 of the P pairs of all parts' outputs, B blocks
//   gated                two parts of equal rows: pairs are the same octets of both, a stripe's gates before its ups
//   column j             16 bytes for each octet, at (stripe's first octet · cols + j · stripe's octets) · 16
//
// Exact    weights are moved, not read as numbers.
// Memory   the weights once.
// Threads  fill waits until it has ended; expand is asynchronous on the stream.
// Errors   Error{invalid_argument}: rows that are no multiple of 8, more than three parts, gated parts that differ;
//          Error{out_of_memory}, Error{io_failed}: the driver refused.
//
// Built only with LACUNA_CUDA.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lacuna/core/dtype.hpp"
#include "lacuna/kernels/device/device.hpp"

namespace lacuna::kernels {

// A part's weights, column-contiguous: element (i, j) at data[j·stride + i]. Aligned to 16 bytes, the stride a multiple
// of 8.
struct ColumnsView {
  void* data = nullptr;
  std::int64_t stride = 0;
};

class ColumnStripes {
 public:
  ColumnStripes(DType dtype, std::vector<std::int64_t> rows, std::int64_t cols, bool gated);

  void fill(std::span<const ColumnsView> parts);
  void expand(std::span<const ColumnsView> parts, DeviceStream stream = nullptr) const;

  DType dtype() const { return dtype_; }
  const std::vector<std::int64_t>& rows() const { return rows_; }  // of each part
  std::int64_t cols() const { return cols_; }
  bool gated() const { return gated_; }
  const void* data() const { return weights_.data(); }
  std::size_t bytes() const { return weights_.bytes(); }

 private:
  DType dtype_;
  std::vector<std::int64_t> rows_;
  std::int64_t cols_;
  bool gated_;
  DeviceBuffer weights_;
};

}  // namespace lacuna::kernels
