// The matrices that decoding one token multiplies with: the linears of every block and the head, each with what it
// takes dense and packed.
//
// Packed checkpoints give the sizes of the file, dense ones those that packing would choose (sparse/layout.hpp).
//
// Cost     one pass over a dense model's weights, parallel inside; a packed one is not read.
// Errors   those of Decoder::open; interrupted, between layers.
#pragma once

#include <vector>

#include "lacuna/bench/advice.hpp"
#include "lacuna/core/run_context.hpp"
#include "lacuna/model/decoder.hpp"

namespace lacuna {

std::vector<AdviceMatrix> model_matrices(const Decoder& decoder, const RunContext& context);

// The same where linears that share an input form one product, as a CUDA device multiplies them
// (model/device_weights.hpp): packed where all of its linears are, 2:4 where all are that, of f16 or bf16.
std::vector<AdviceMatrix> device_model_matrices(const Decoder& decoder, const RunContext& context);

}  // namespace lacuna
