// Multiply–mask–multiply on this processor: products that skip blocks of eight features (sparse/block_matrix.hpp).
//
//   bench_block_sparsity(request, context)       random blocks left out: sparsity is the share of blocks skipped
//   bench_orders(weights, orders, …, context)    one matrix under several orders of its columns, each beside what its
//                                                coherence predicts, and beside its packed rows
//
// Measured as kernel_bench.hpp says, from memory, in turns with the dense product; checked first.
//
// Errors   those of kernel_bench.hpp and block_matrix.hpp.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lacuna/bench/kernel_bench.hpp"
#include "lacuna/core/tensor.hpp"

namespace lacuna {

std::string block_form();  // "blocks of 8"

std::vector<KernelTiming> bench_block_sparsity(const KernelBench& request, const RunContext& context);

// What bench_block_sparsity multiplies: normal weights, zeros in random blocks of eight neighbours.
AlignedBuffer<std::byte> random_block_weights(DType dtype, BenchShape shape, double skipped, std::uint64_t seed);

struct BlockOrder {
  std::string name;
  std::vector<std::int64_t> columns;  // a permutation
};

struct OrderTiming {
  std::string order;
  double skipped = 0.0;    // share of the blocks left out: the mean coherence
  double predicted = 0.0;  // speed against dense, from the bytes
  CallTime time;
  CallTime dense;   // in the same rounds
  CallTime packed;  // kernels/packed_gemv on the same matrix, likewise
  std::string packed_form;
  DType dtype = DType::bf16;  // of what was multiplied

  double speedup() const { return dense.median / time.median; }
  double packed_speedup() const { return dense.median / packed.median; }
};

// Throws Error{invalid_argument} for weights that bench_orders cannot measure.
void require_bench_matrix(const TensorView& weights);

std::vector<OrderTiming> bench_orders(const TensorView& weights, std::span<const BlockOrder> orders, std::uint64_t seed,
                                      std::size_t rotated_bytes, const TimingOptions& timing,
                                      const RunContext& context);

}  // namespace lacuna
