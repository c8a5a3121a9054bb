// Matrix-vector products on a CUDA device that read only the columns whose input matters.
//
//   y[b,i] = Σ_{j active in b} W[i,j] · x[b,j] + bias[i]        j is active in b where not |x[b,j]| ≤ t
//   gate·up:  y[b,i] = silu(g[b,i]) · u[b,i]                    g, u: two such products; silu(v) = v / (1 + e^−v)
//
// A NaN input is active, so it is never hidden; with t < 0 every column is. A column is read when it is active in any
// of the batch; where it is inactive its input counts as 0, so a non-finite weight there may spread within the batch.
//
// Inputs of a batch of 1 may also be `normalised`, and outputs of sparse_gemv may go elsewhere, as device/ends.hpp
// says; columns are then selected by the normalised input. Fused with a decoder's steps, x and y are f32 there.
//
// Layout    W column-contiguous: element (i,j) at w[j·column_stride + i], rows ≤ column_stride < 2³¹. x: batch×cols
//           and y: batch×rows, row-major. W, x, bias (may be null) and y have one type: f16, bf16 or f32. All are
//           device addresses aligned to their element. Fast where every w is aligned to 16 bytes and column_stride and
//           rows are multiples of 8; any other alignment works, more slowly.
// Accuracy  f32 products and sums, one rounding to the type at the end. The order of additions depends on the shape,
//           the inputs' pattern, the options and nothing else: no atomics, the same bits every time on one device type.
//           |error| ≤ (a + 40)·2⁻²⁴·Σ|w·x| + half a unit of y's type, a = active columns / (warps·splits); batches of
//           16-bit types run on tensor cores, which add 16 products at a time and cut off what lies below: (2a + 40).
// Cost      active·rows weights read once; one launch. Asynchronous on the stream.
// Threads   safe on distinct outputs. Overlap::one and two mean the same here: several blocks may share a
//           multiprocessor.
// Errors    Error{invalid_argument}: shape, batch not in {1, 2, 4, 8} or dtype; Error{io_failed}: the
//           driver refused.
// Source    docs/kernels-cuda.md; TEAL (arXiv:2408.14690).
#pragma once

#include <cstdint>
#include <span>

#include "lacuna/core/dtype.hpp"
#include "lacuna/kernels/device/device.hpp"
#include "lacuna/kernels/device/ends.hpp"

namespace lacuna::kernels {

// One of up to three products of the same input, for example q, k and v.
struct SparseProduct {
  const void* w = nullptr;
  std::int64_t rows = 0;
  std::int64_t column_stride = 0;  // elements
  float threshold = -1.0F;
  const void* bias = nullptr;  // rows elements, or null
  void* y = nullptr;
  OutputKind output = OutputKind::store;
};

struct SparseInput {
  DType dtype = DType::f16;
  const void* x = nullptr;
  std::int64_t cols = 0;
  int batch = 1;
  const float* norm_weight = nullptr;  // not null: normalised
  float epsilon = 0.0F;
};

// Zero means: chosen from the shape. The tuner sets them.
struct SparseGemvOptions {
  int warps = 0;   // of a block: 4, 8 or 16, as far as the kernel can
  int splits = 0;  // blocks that share an output tile, each with a part of the columns: 1, 2, 4 or 8
  int tile = 0;    // outputs of a block: 64 or 512 for one input of an aligned 16-bit type, else always 256
  Overlap overlap = Overlap::none;
};

void sparse_gemv_cuda(const SparseInput& input, std::span<const SparseProduct> products, DeviceStream stream = nullptr,
                      const SparseGemvOptions& options = {});
void sparse_gate_up_cuda(const SparseInput& input, const SparseProduct& gate, const SparseProduct& up, void* y,
                         DeviceStream stream = nullptr, const SparseGemvOptions& options = {});

// The specification, on host addresses: sums in f64, in column order. No alignment is needed.
namespace reference {
void sparse_gemv(const SparseInput& input, std::span<const SparseProduct> products);
void sparse_gate_up(const SparseInput& input, const SparseProduct& gate, const SparseProduct& up, void* y);
}  // namespace reference

}  // namespace lacuna::kernels
