// The weights of one product of a decoding step on a CUDA device: one linear, or several that read the same input,
// stacked, or, gate and up, interleaved row by row.
//
//   dense      row-major; every column is read
//   bundles    packed, unstructured (kernels/packed_gemv/row_bundles.hpp)
//   two_four   packed, 2:4
//   columns    column-contiguous, a threshold for each linear: columns whose input is at most that are not read
//   stripes    columns as the blocks of a step in one launch read them (kernels/decode_layers); launched by itself,
//   such
//              a product makes columns first, every time
//
// Packed weights may take thresholds too: they are read whole, and inputs of at most the threshold count as 0. That
// pays where little is left of them (docs/kernels-cuda.md). All linears of such a product must have the same.
//
// Built only with LACUNA_CUDA.
//
// Threads  run() is asynchronous on the stream, with programmatic dependent launch.
// Errors   those of the kernels: Error{invalid_argument}, Error{io_failed}, Error{out_of_memory}; set_threshold on
//          weights that take none: Error{invalid_argument}; run() with packed linears whose thresholds differ: the
//          same.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "lacuna/kernels/decode_layers/column_stripes.hpp"
#include "lacuna/kernels/gemv/cuda.hpp"
#include "lacuna/kernels/packed_gemv/cuda.hpp"
#include "lacuna/kernels/sparse_gemv/cuda.hpp"

namespace lacuna {

// Linears as columns, each with rows of its own and one input.
struct DeviceColumns {
  struct Part {
    kernels::DeviceBuffer weights;  // element (i, j) at j·stride + i
    std::int64_t rows = 0;
    std::int64_t stride = 0;
    float threshold = -1.0F;
  };
  DType dtype = DType::f16;
  std::int64_t cols = 0;
  std::vector<Part> parts;
  kernels::SparseGemvOptions options;
};

// Column-contiguous copies of rows that lie stacked in `dense`; part i has rows[i] of them.
DeviceColumns make_device_columns(const kernels::DeviceDense& dense, const std::vector<std::int64_t>& rows);

struct DeviceLaunch {
  kernels::DeviceStream stream = nullptr;
  kernels::Overlap overlap = kernels::Overlap::none;
};

class DeviceProduct {
 public:
  using Weights = std::variant<kernels::DeviceDense, kernels::DeviceRowBundles, kernels::DeviceTwoFour, DeviceColumns,
                               kernels::ColumnStripes>;

  explicit DeviceProduct(Weights weights) : weights_(std::move(weights)) {}

  // Sums of the stacked linears, one after the other in `output`.
  void run(const kernels::ProductInput& input, const kernels::ProductOutput& output, const DeviceLaunch& launch) const;
  // silu(gate) · up, of two linears whose rows are interleaved or that are columns.
  void run_gate(const kernels::ProductInput& input, const void* bias, void* y, const DeviceLaunch& launch) const;

  void take_thresholds(std::size_t linears);  // packed weights of so many linears, from now on
  std::size_t parts() const;                  // linears that take a threshold each
  float threshold(std::size_t part) const;
  void set_threshold(std::size_t part, float threshold);
  float packed_threshold() const;                               // of packed linears that take one; others: −1
  void set_options(const kernels::SparseGemvOptions& options);  // of columns; other forms ignore them
  bool fits_two() const;                                        // whether Overlap::two is possible
  void make_stripes(bool gated);  // of columns: the same weights and thresholds, in the other form
  std::string_view form() const;  // "dense", …
  std::size_t bytes() const;      // of the weights, all of them
  const Weights& weights() const { return weights_; }

 private:
  DeviceColumns make_columns() const;  // of stripes
  void check_part(std::size_t part) const;

  Weights weights_;
  std::vector<float> thresholds_;  // of linears that are packed or stripes
};

}  // namespace lacuna
