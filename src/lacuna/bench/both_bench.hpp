// What both sparsities buy together in one matrix-vector product on this processor: weights of 0, and inputs of 0.
//
//   request.sparsities = {0.5};                                   // of the weights
//   const auto forms = bench_both(request, 0.5, context);         // of the inputs
//
//   dense            every weight and input read as stored       kernels/gemv
//   bitmap, slices   weights of 0 left out                       kernels/packed_gemv, the one that a model would run
//   columns          inputs of 0 left out                        kernels/sparse_gemv/column_panels.hpp
//   packed columns   both, of 16-bit weights                     kernels/sparse_gemv/packed_columns.hpp
//
// In turns, from memory, checked first, as kernel_bench.hpp says; the copies of each form take half of rotated_bytes.
//
// Errors   as kernel_bench.hpp.
#pragma once

#include <string>
#include <vector>

#include "lacuna/bench/kernel_bench.hpp"

namespace lacuna {

struct FormTime {
  std::string name;
  CallTime time;
};

// Simplest form first.
std::vector<FormTime> bench_both(const KernelBench& request, double input_sparsity, const RunContext& context);

}  // namespace lacuna
