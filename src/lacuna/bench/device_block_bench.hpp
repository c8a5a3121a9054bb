// Multiply–mask–multiply on the CUDA device: block_bench.hpp there, by kernels/block_gemv/cuda.hpp.
//
//   bench_blocks_cuda(request, context)             random blocks left out
//   bench_orders_cuda(weights, orders, …, context)  one matrix under several orders of its columns; f32 becomes bf16
//
// Measured and checked as device_bench.hpp says. Under an order other than the stored one, the time has the gathering
// of the input in it.
//
// Errors   those of device_bench.hpp and block_matrix.hpp.
// Built only with LACUNA_CUDA.
#pragma once

#include <span>
#include <vector>

#include "lacuna/bench/block_bench.hpp"

namespace lacuna {

std::vector<KernelTiming> bench_blocks_cuda(const KernelBench& request, const RunContext& context);

std::vector<OrderTiming> bench_orders_cuda(const TensorView& weights, std::span<const BlockOrder> orders,
                                           std::uint64_t seed, std::size_t rotated_bytes, const TimingOptions& timing,
                                           const RunContext& context);

// As predicted_block_speedup and block_break_even (sparse/block_matrix.hpp): a stored block is 17 bytes instead of 16.
double predicted_device_block_speedup(double skipped);
double device_block_break_even(DType dtype);

}  // namespace lacuna
