// Gram matrices G = beta · G + alpha · XᵀX of many rows, accurate enough to decide between nearly equal scores.
//
//   gram_update          X: t×n, G: n×n, upper and lower triangle both written
//   gram_update_upper,   the same in two steps: many updates, one copy of the triangle; until then the lower triangle
//   is mirror_upper         scratch
//
// Layout    row-major f32, any row stride ≥ columns; G does not alias X. With beta = 0, G may be uninitialised.
// Accuracy  sums of 256 products in f32, those sums in f64, one rounding to f32 a call: an element is within
//           (256 + calls)·2^-24·Σ|x_i·x_j| in the worst case and within 2^-24·Σ|x_i·x_j| as a rule. The same bits for
//           any number of threads; the library's kernels differ between ISAs.
// Cost      t·n·(n + 128) flop as matrix products; 0.8 MB of scratch per thread.
// Threads   core/threads.hpp's pool, by tiles of G.
// Source    kernels/gram/README.md
#pragma once

#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

void gram_update(MatrixView<const float> x, MatrixView<float> gram, float alpha, float beta);
void gram_update_upper(MatrixView<const float> x, MatrixView<float> gram, float alpha, float beta);
void mirror_upper(MatrixView<float> square);  // lower triangle ← transpose of the upper one

}  // namespace lacuna::kernels
