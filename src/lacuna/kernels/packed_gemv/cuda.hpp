// Matrix-vector products on a CUDA device with packed sparse weights.
//
//   y[i] = Σ_{j kept in row i} W[i,j] · x[j] + bias[i]        x[j] counts as 0 where |x[j]| ≤ t (ProductInput)
//
// Positions that are not kept are never multiplied: an infinite or NaN input spreads only through kept weights.
//
// Layout    row_bundles.hpp and two_four.hpp, copied to the device as they are. Input and output: device/ends.hpp, on
//           the device, aligned to their element (a plain x: to 16 bytes for speed).
// Accuracy  f32 products and sums, one rounding at the end; the order of additions is fixed by the layout: the same
//           bits every time. Row bundles: |error| ≤ (n/8 + 8)·2⁻²⁴·Σ|w·x|, n entries of the row. 2:4 sums inside the
//           tensor cores, which truncate: (n/8 + 8)·2⁻²²·Σ|w·x|. Plus half a unit of y's type.
// Cost      the layout read once; one launch. Asynchronous on the stream.
// Threads   safe on distinct outputs. Where launches overlap, the first weights are loaded while the predecessor runs.
// Errors    Error{io_failed}: the driver refused; Error{out_of_memory}: in the constructors.
// Source    docs/kernels-cuda.md
#pragma once

#include "lacuna/kernels/device/device.hpp"
#include "lacuna/kernels/device/ends.hpp"
#include "lacuna/kernels/packed_gemv/row_bundles.hpp"
#include "lacuna/kernels/packed_gemv/two_four.hpp"

namespace lacuna::kernels {

class DeviceRowBundles {
 public:
  explicit DeviceRowBundles(const RowBundles& packed);

  // Error{invalid_argument}: a gate, and the bundles do not hold pairs of rows.
  void multiply(const ProductInput& input, const ProductOutput& output, DeviceStream stream = nullptr,
                Overlap overlap = Overlap::none) const;
  // The dense matrix, f16 or bf16: rows of `stride` elements, a multiple of 8, filled with zeros. Values of −0 become
  // 0.
  void expand(void* out, std::int64_t stride, DeviceStream stream = nullptr) const;
  bool fits_two() const;  // whether Overlap::two is possible
  std::size_t bytes() const { return bytes_; }
  DType dtype() const { return dtype_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }

 private:
  DType dtype_;
  std::int64_t rows_;
  std::int64_t cols_;
  int gap_bits_;
  int rows_in_bundle_;
  int n_streams_;
  int multiprocessors_;
  DeviceBuffer blocks_;
  DeviceBuffer starts_;
  DeviceBuffer lengths_;
  DeviceBuffer row_order_;
  DeviceBuffer streams_;
  std::size_t bytes_;
};

class DeviceTwoFour {
 public:
  explicit DeviceTwoFour(const TwoFour& packed);

  void multiply(const ProductInput& input, const ProductOutput& output, DeviceStream stream = nullptr,
                Overlap overlap = Overlap::none) const;
  void expand(void* out, std::int64_t stride, DeviceStream stream = nullptr) const;  // as DeviceRowBundles::expand
  bool fits_two() const;                                                             // whether Overlap::two is possible
  std::size_t bytes() const { return blocks_.bytes(); }
  DType dtype() const { return dtype_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }

 private:
  DType dtype_;
  std::int64_t rows_;
  std::int64_t cols_;
  std::int64_t segment_;
  int warps_ = 1;
  int grid_ = 1;
  DeviceBuffer blocks_;
};

}  // namespace lacuna::kernels
