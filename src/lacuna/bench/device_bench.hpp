// What sparsity buys in one matrix-vector product on the CUDA device: kernel_bench.hpp there.
//
//   bench_activation_cuda(request, context)   kernels/sparse_gemv/cuda.hpp beside the dense product
//   bench_packed_cuda(request, context)       row bundles (kernels/packed_gemv/cuda.hpp) beside the dense product
//
// The dense product is kernels/gemv/cuda.hpp, not another library's. Each form runs in a graph of launches over copies
// that leave the L2 cache, with f16 or bf16 input and f32 sums; graphs are replayed in turns, and a time is the median
// of the rounds.
//
//   ideal     bytes that the form must read / bytes a second that a copy inside the device's memory moves
//   share, speed-up, break-even, check, errors   as kernel_bench.hpp
//
// Errors   invalid_argument: f32; out_of_memory, of the device too; io_failed: the driver refused.
// Built only with LACUNA_CUDA.
#pragma once

#include <string>
#include <vector>

#include "lacuna/bench/kernel_bench.hpp"

namespace lacuna {

std::vector<KernelTiming> bench_activation_cuda(const KernelBench& request, const RunContext& context);
std::vector<KernelTiming> bench_packed_cuda(const KernelBench& request, const RunContext& context);

// Throws Error{invalid_argument}: a type that no dense product on the device has.
void check_device_type(DType dtype);

}  // namespace lacuna
