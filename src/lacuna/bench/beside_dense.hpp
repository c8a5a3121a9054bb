// One sparse product timed in turns with the dense one and with a plain read: what every kernel benchmark shares.
//
// Internal to bench. `x` is the dense product's input, `y` what it writes; the sparse product has been checked already.
// Errors: those of time_in_turns.
#pragma once

#include <span>

#include "lacuna/bench/kernel_bench.hpp"

namespace lacuna {

struct MeasuredProduct {
  double sparsity = 0.0;
  std::string form;    // as in KernelTiming
  double bytes = 0.0;  // that it must read
  TimedCall call;
};

KernelTiming time_beside_dense(const KernelBench& request, const Copies& dense, std::span<const float> x,
                               std::span<float> y, const MeasuredProduct& product, const RunContext& context);

}  // namespace lacuna
