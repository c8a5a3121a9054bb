// A prompt's tokens through all layers of a decoder on a CUDA device, many at once: weights are read once for all of
// them, and what remains are the keys and values in the cache.
//
//   DevicePrompt prompt(weights, 512, queue);
//   prompt.run(tokens, position, attention_of_layer);
//
// Products run as GEMM on tensor cores (kernels/gemm/cuda.hpp). Packed weights are expanded to a dense matrix on the
// device, one product at a time; with thresholds each token's own inputs are dropped, though all columns are read.
//
// Accuracy  as DeviceDecoder's step, sums in another order.
// Memory    on the device, for `most` tokens the inputs and outputs of a layer's products; for packed weights the
//           largest product once more, dense.
// Threads   one call at a time per object.
// Errors    those of the kernels: Error{invalid_argument}, Error{io_failed}, Error{out_of_memory}.
//
// Built only with LACUNA_CUDA.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "lacuna/kernels/attention/prompt_cuda.hpp"
#include "lacuna/kernels/device/graph.hpp"
#include "lacuna/kernels/gemm/cuda.hpp"
#include "lacuna/model/device_weights.hpp"

namespace lacuna {

class DevicePrompt {
 public:
  using AttentionOf = std::function<kernels::DecodeAttention(std::int64_t layer)>;

  DevicePrompt(const DeviceWeights& weights, std::int64_t most, const kernels::DeviceQueue& queue);

  // At most `most` tokens, the first at `position`. Returns when the device is done.
  void run(std::span<const std::int32_t> tokens, std::int64_t position, const AttentionOf& attention);

 private:
  // Rows of a chunk's tokens, of 16-bit elements, filled with zeros to a multiple of 8.
  struct Rows {
    Rows(std::int64_t tokens, std::int64_t cols);
    kernels::DeviceBuffer data;
    std::int64_t stride;
  };

  void run_layer(const DeviceLayer& layer, const kernels::DecodeAttention& attention, std::int64_t position);
  void normalise(const kernels::DeviceBuffer& weight);
  void run_gate_up(const DeviceLayer& layer);
  void multiply(const DeviceProduct& product, const Rows& input, const kernels::ProductOutput& output,
                std::int64_t y_stride);
  void multiply_dense(const kernels::GemmWeights& weights, const Rows& input, const kernels::ProductOutput& output,
                      std::int64_t y_stride);
  const void* thresholded(const Rows& input, float threshold);
  // A part of a product's columns; of stripes, in `expanded_` until the next call.
  struct Columns {
    kernels::GemmWeights weights;
    float threshold;
  };
  std::vector<Columns> columns_of(const DeviceProduct& product);
  void multiply_columns(const Columns& columns, const Rows& input, const kernels::ProductOutput& output,
                        std::int64_t y_stride);

  const DeviceWeights& weights_;
  const kernels::DeviceQueue& queue_;
  std::int64_t n_ = 0;  // tokens of this chunk
  kernels::HostBuffer host_tokens_;
  kernels::DeviceBuffer tokens_;
  kernels::DeviceBuffer hidden_;  // f32
  Rows normed_;
  Rows qkv_;
  Rows context_;
  Rows inner_;
  kernels::DeviceBuffer masked_;  // an input without what its threshold drops
  kernels::DeviceBuffer gate_;    // f32, of columns only
  kernels::DeviceBuffer up_;
  kernels::DeviceBuffer expanded_;  // a packed product
};

}  // namespace lacuna
