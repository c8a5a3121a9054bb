// tr(M·H·Mᵀ) = 2/n·‖X·Mᵀ‖²: how large the outputs of M are over the calibration inputs.
//
// Layout    M: rows×columns f32, any row stride.
// Accuracy  products in f32 in blocks of columns, their inner products with M in f64.
// Cost      rows·columns² flop as matrix products (symmetry saves half); rows·512 floats of memory.
// Threads   parallel inside.
#pragma once

#include "lacuna/core/tensor.hpp"
#include "lacuna/prune/input_statistics.hpp"

namespace lacuna::prune {

double gram_energy(MatrixView<const float> m, const InputStatistics& statistics);  // statistics: with a Gram

}  // namespace lacuna::prune
