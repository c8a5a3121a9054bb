// Rotary position embedding, the half-split convention of the Hugging Face models.
//
//   for every head h of row r at position p, i < d/2:
//   x[i], x[i + d/2]  ←  x[i]·cos[p,i] − x[i + d/2]·sin[p,i],  x[i + d/2]·cos[p,i] + x[i]·sin[p,i]
//
// Layout    x: rows×(heads·d) f32; row r has position first_position + r mod length. cos, sin: positions×d/2.
// Accuracy  two products and a sum in f32 per value (fused in the vector code): error ≤ 2·2⁻²⁴·(|x[i]| + |x[i + d/2]|).
// Threads   parallel over rows inside; safe on distinct x.
// Source    kernels/rope/README.md.
#pragma once

#include "lacuna/core/tensor.hpp"

namespace lacuna::kernels {

struct RopeTable {
  MatrixView<const float> cosines;  // positions×d/2
  MatrixView<const float> sines;
};

void apply_rope(MatrixView<float> x, std::int64_t head_dim, const RopeTable& table, std::int64_t first_position,
                std::int64_t length);

namespace scalar {
void apply_rope(MatrixView<float> x, std::int64_t head_dim, const RopeTable& table, std::int64_t first_position,
                std::int64_t length);
}  // namespace scalar

}  // namespace lacuna::kernels
