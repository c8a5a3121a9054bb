// Matrix-vector products on a CUDA device that skip blocks of eight features (block_gemv.hpp).
//
//   y[i] = Σ_{blocks stored in row i} W[i, block] · x[block] + bias[i]
//
// Layout    block_bundles.hpp, copied to the device as it is. Input and output: device/ends.hpp, on the device, aligned
//           to their element (a plain x: to 16 bytes for speed). Under an order of the columns x is as the matrix has
//           it before: block g's features are x[order[8g]] … x[order[8g + 7]].
// Accuracy  f32 products and sums, one rounding at the end; the order of additions is fixed by the layout: the same
// bits
//           every time. |error| ≤ (n/8 + 8)·2⁻²⁴·Σ|w·x|, n weights of the row's stored blocks, plus half a unit of y's
//           type.
// Non-finite  an infinity or NaN in x spreads through stored blocks, zero weights included, and through no other.
// Cost      the layout read once; one launch, asynchronous on the stream.
// Threads   safe on distinct outputs. Where launches overlap, the first weights are loaded while the predecessor runs.
// Errors    Error{io_failed}: the driver refused; Error{out_of_memory}: in the constructor; Error{invalid_argument}: an
//           order that is not of `cols` columns, an input that is not plain under an order, a gate.
// Source    kernels/block_gemv/README.md
#pragma once

#include <span>

#include "lacuna/kernels/block_gemv/block_bundles.hpp"
#include "lacuna/kernels/device/device.hpp"
#include "lacuna/kernels/device/ends.hpp"

namespace lacuna::kernels {

class DeviceBlockBundles {
 public:
  // cols: of x, at most blocks·8 and more than (blocks − 1)·8. order: a permutation of them, or empty: as they are.
  DeviceBlockBundles(const BlockBundles& packed, std::int64_t cols, std::span<const std::int64_t> order = {});

  void multiply(const ProductInput& input, const ProductOutput& output, DeviceStream stream = nullptr,
                Overlap overlap = Overlap::none) const;
  bool fits_two() const;                        // whether Overlap::two is possible
  std::size_t bytes() const { return bytes_; }  // that a product reads, without x
  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }

 private:
  DType dtype_;
  std::int64_t rows_;
  std::int64_t cols_;
  int blocks_;
  int rows_in_bundle_;
  int n_bundles_;
  int n_streams_;
  int multiprocessors_;
  DeviceBuffer steps_;
  DeviceBuffer starts_;
  DeviceBuffer lengths_;
  DeviceBuffer row_order_;
  DeviceBuffer streams_;
  DeviceBuffer order_;  // empty where there is none
  std::size_t bytes_;
};

}  // namespace lacuna::kernels
