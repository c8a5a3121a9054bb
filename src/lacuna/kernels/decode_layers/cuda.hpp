// All layers of a LLaMA decoder's step for one token in one launch, weights as columns of which only those are read
// whose input matters.
//
//   DecodeLayers layers(shape);
//   layers.set_layers(table);                  // addresses and thresholds; again where one changes
//   layers.run(position, hidden, stream);      // hidden: f32, the embedded token
//   … layers.output()                          // f32, the last layer's residual stream, for norm and head
//
//   per layer   qkv ← W·norm(h) + b;  context ← attention(qkv);  h ← h + W·context + b;
//               inner ← silu(W_gate·norm(h) + b) · (W_up·norm(h) + b);  h ← h + W·inner + b
//
// Every product reads the columns of sparse_gemv/cuda.hpp: those whose input, rounded to the weights' type, is not
// ≤ the threshold in magnitude. In a chain of launches, memory falls silent five times a layer; here the blocks stay
// and tell each other results word by word.
//
// Layout    weights as ColumnStripes. Biases: of the type, or null. All are device addresses.
// Accuracy  products of the type, sums and residual stream in f32. Between products a value may lose the last bit of an
//           f32, and an infinity becomes the greatest number. Sums are added in an order that depends on the shapes,
//           the inputs' pattern and the device: the same bits every time on one device.
// Memory    4 bytes of every intermediate value and a table of the layers, on the device.
// Cost      the active columns read once; the blocks fill the device, one a multiprocessor, until the last layer.
// Threads   asynchronous on the stream; one run at a time per object.
// Errors    Error{invalid_argument}: a shape for which fits() is false; Error{io_failed}: the driver refused.
// Source    docs/kernels-cuda.md, "A step in one launch"; TEAL (arXiv:2408.14690).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "lacuna/kernels/attention/cuda.hpp"
#include "lacuna/kernels/decode_layers/column_stripes.hpp"

namespace lacuna::kernels {

struct DecodeLayersShape {
  DType dtype = DType::f16;
  std::int64_t layers = 0;
  std::int64_t hidden = 0;
  std::int64_t inner = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  float epsilon = 0.0F;  // of the norms
};

struct LayerProduct {
  const ColumnStripes* stripes = nullptr;
  std::array<float, 3> thresholds = {-1.0F, -1.0F, -1.0F};  // of the parts
  const void* bias = nullptr;                               // of the type, part after part, or null
};

struct DecodeLayer {
  LayerProduct qkv;
  LayerProduct output;
  LayerProduct gate_up;
  LayerProduct down;
  const float* attention_norm = nullptr;
  const float* mlp_norm = nullptr;
  DecodeAttention attention;
};

class DecodeLayers {
 public:
  // Whether this device can run the shape: a type of 16 bits, sizes that are multiples of 8, at most 8192 hidden and
  // 24576 inner values, a block for each head, compute capability 9.0.
  static bool fits(const DecodeLayersShape& shape);

  explicit DecodeLayers(const DecodeLayersShape& shape);

  void set_layers(std::span<const DecodeLayer> layers);
  // position: of the token, in device memory. The caches hold all before it.
  void run(const std::int32_t* position, const float* hidden, DeviceStream stream);
  const float* output() const;

 private:
  DecodeLayersShape shape_;
  DeviceBuffer words_;
  DeviceBuffer table_;
};

}  // namespace lacuna::kernels
