// What sparsity buys in one matrix-vector product on this processor.
//
//   bench_activation(request, context)   kernels/sparse_gemv, columns left out at random, beside the dense product
//   bench_packed(request, context)       kernels/packed_gemv, zeros at random, beside the dense product
//
// Each sparsity is measured in turns with the dense product and with a plain read of as many bytes (timing.hpp), all
// from memory: data goes through copies, and activation's active columns through disjoint sets, until everything has
// been displaced from the cache.
//
//   ideal     bytes that the format must read / bandwidth of the plain read in the same rounds
//   share     ideal / time
//   speed-up  time of the dense product / time
//   form      what was multiplied: "columns"; "bitmap", or "slices" where a model of that sparsity would run from them;
//             "blocks of 8" (block_bench.hpp); "bundles" (device_bench.hpp)
//
// Checked  before it is timed, every product is held against sums in f64, within the error bound of its header.
// Errors   Error{internal}: a wrong product; it is not timed. invalid_argument: an empty shape, a sparsity outside
//          [0, 1), a type other than f32, f16, bf16. out_of_memory, interrupted.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lacuna/bench/timing.hpp"
#include "lacuna/bench/weight_copies.hpp"
#include "lacuna/core/run_context.hpp"

namespace lacuna {

struct KernelBench {
  BenchShape shape;
  DType dtype = DType::bf16;
  std::vector<double> sparsities;
  std::uint64_t seed = 0;
  std::size_t rotated_bytes = kRotatedBytes;
  TimingOptions timing;
};

struct KernelTiming {
  double sparsity = 0.0;
  std::string form;
  CallTime time;
  CallTime dense;
  double bytes = 0.0;  // that the format must read
  double dense_bytes = 0.0;
  double bandwidth = 0.0;  // bytes a second of the plain read

  double bytes_per_second() const { return bytes / time.median; }
  double speedup() const { return dense.median / time.median; }
  double ideal_speedup() const { return dense_bytes / bytes; }
  double share_of_ideal() const { return bytes / bandwidth / time.median; }
  double dense_share_of_ideal() const { return dense_bytes / bandwidth / dense.median; }
};

// One for each sparsity, in their order.
std::vector<KernelTiming> bench_activation(const KernelBench& request, const RunContext& context);
std::vector<KernelTiming> bench_packed(const KernelBench& request, const RunContext& context);

// The sparsity from which on the product is at least as fast as dense, between measured ones by a straight line as
// charts draw it, on a logarithmic scale; the first one where it always is, nothing where the last one is slower.
// Timings in ascending order of sparsity.
std::optional<double> break_even(std::span<const KernelTiming> timings);

}  // namespace lacuna
