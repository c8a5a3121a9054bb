// What sparsity buys per generated token, on the CUDA device: decode_bench.hpp there.
//
// Random weights decode with model/device_decoder.hpp: dense and packed (row bundles), dense and the same with inputs
// below a threshold as zeros (both), dense and packed 2:4, dense and by columns that thresholds skip, in turns. A time
// is the median over all tokens of all rounds, its logits on the host included; each round starts a sequence of 16
// tokens anew. Thresholds are the quantiles of the inputs at one token. Head and embedding stay dense.
//
//   bytes      of the weights that a token must read, in their form on the device
//   bandwidth  of a copy inside the device's memory
//
// Checked  before it is timed: logits are finite; those of packed weights and of columns, with no threshold, lie within
//          1 % of the dense model's (root mean square: inputs are rounded to 16 bits after every product, and sums that
//          differ in their last bits are rounded apart).
// Memory   on the device the dense weights and the other form's; on the host one layer's.
// Errors   as decode_bench.hpp; invalid_argument: f32; unsupported_model: heads of a size that the device has not;
//          io_failed: the driver refused.
//
// Built only with LACUNA_CUDA.
#pragma once

#include <vector>

#include "lacuna/bench/decode_bench.hpp"

namespace lacuna {

std::vector<DecodeTiming> bench_decode_cuda(const DecodeBench& request, const RunContext& context);

}  // namespace lacuna
