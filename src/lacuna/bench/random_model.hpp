// A LLaMA of any size with random weights, for timing: nothing is read from a file.
//
// All layers hold equal weights at addresses of their own, so that a token reads all of them from memory.
//
// Memory   rows·cols elements of every linear, of the embedding and of the head.
// Threads  making is parallel inside.
// Errors   Error{invalid_argument}: a shape that is no decoder; out_of_memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lacuna/bench/weight_copies.hpp"
#include "lacuna/model/config.hpp"
#include "lacuna/model/kv_cache.hpp"
#include "lacuna/model/layer.hpp"

namespace lacuna {

struct ModelShape {
  std::int64_t layers = 22;
  std::int64_t hidden = 2048;
  std::int64_t intermediate = 5632;
  std::int64_t heads = 32;
  std::int64_t kv_heads = 4;
  std::int64_t vocab = 32000;
};

// Of a LLaMA of this shape; throws Error{invalid_argument}.
DecoderConfig random_model_config(const ModelShape& shape);
inline constexpr double kRandomModelScale = 0x1p-6;  // of weights: sums of 2,048 products keep the size of their inputs

class RandomModel {
 public:
  // Each weight of a layer is 0 with probability `zeros`; those of embedding and head never are.
  RandomModel(ModelShape shape, DType dtype, double zeros, std::uint64_t seed);

  const DecoderConfig& config() const { return config_; }
  const std::vector<LayerWeights>& layers() const { return layers_; }
  // Layers of their own that read the same dense weights.
  std::vector<LayerWeights> copy_layers() const;
  const TensorView& embedding() const { return embedding_; }
  const TensorView& head() const { return head_; }

  double linear_bytes() const;  // dense
  double head_bytes() const { return static_cast<double>(head_.bytes()); }

 private:
  TensorView add(std::int64_t rows, std::int64_t cols, std::span<const std::byte> weights);

  DecoderConfig config_;
  DType dtype_;
  std::vector<AlignedBuffer<std::byte>> buffers_;
  std::vector<LayerWeights> layers_;
  TensorView embedding_;
  TensorView head_;
};

// Replaces the dense weights of all linears by packed ones, which hold memory of their own, and slices where they are
// faster; matrices that packing would not make smaller stay dense. Returns the bytes that a token then reads of
// linears.
double pack_layers(std::vector<LayerWeights>& layers);

}  // namespace lacuna
