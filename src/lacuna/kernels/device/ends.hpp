// What a product of a decoder reads and where its sums go, on a device: the small steps between two products of a layer
// belong to one of them, so that a layer is four products and an attention.
//
//   input   plain       x                                            cols elements of the weights' type
//           normalised  norm_weight · x / sqrt(mean(x²) + ε)         cols f32: the residual stream
//   output  store       y ← sum + bias                               the weights' type
//           add_f32     y ← y + sum + bias                           f32: the residual stream
//           store_f32   y ← sum + bias                               f32: logits
//           gate        y[i] ← silu(sum + bias of row 2i) · (sum + bias of row 2i + 1)
//                                                                    the weights' type, rows/2 of it
//
// Inputs are rounded to the weights' type before they are multiplied, however they come about. With packed weights
// those whose magnitude is then at most `threshold` count as 0 (a NaN never does): the sums that sparse_gemv gives,
// which does not read their columns.
//
// Accuracy  the mean is taken in f64, the rest in f32, as kernels/norm and kernels/activation.
#pragma once

#include <cstdint>

namespace lacuna::kernels {

enum class InputKind : std::uint8_t { plain, normalised };
enum class OutputKind : std::uint8_t { store, add_f32, store_f32, gate };

// Addresses are the device's; norm_weight has cols elements.
struct ProductInput {
  const void* x = nullptr;
  InputKind kind = InputKind::plain;
  const float* norm_weight = nullptr;
  float epsilon = 0.0F;
  float threshold = -1.0F;  // of packed products; dense ones ignore it
};

struct ProductOutput {
  void* y = nullptr;
  OutputKind kind = OutputKind::store;
  const void* bias = nullptr;  // of the weights' type, or null
};

// How a launch shares the device with its neighbours on the stream. All launches of a chain agree.
//
//   none  an ordinary launch
//   one   programmatic dependent launch: the kernel may start before its predecessor has ended, and waits for it before
//         it touches input or output. A product's block fills a multiprocessor; the next launch's come as it leaves.
//   two   the same, every launch with one block of equal size for each multiprocessor, where two of them fit
//         (gemv/cuda.cu)
enum class Overlap : std::uint8_t { none, one, two };

}  // namespace lacuna::kernels
