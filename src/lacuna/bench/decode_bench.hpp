// What sparsity buys per generated token, on this processor.
//
//   const auto timings = bench_decode(request, context);
//
// A model with random weights (random_model.hpp) decodes one token after the other: dense and packed, dense and packed
// with thresholds on its inputs (both), dense and with thresholds alone, each pair in turns (timing.hpp). Thresholds
// are the quantiles of the inputs over the first tokens, so that the share asked for is skipped. Head and embedding
// stay dense.
//
//   bytes      of linears and head that a token must read
//   bandwidth  of a plain read of the head, in the same rounds
//
// Checked  before it is timed, on the first layer: packed weights give the bits of dense ones, columns what the product
//          with zeroed inputs gives, packed columns the bits of dense ones.
// Memory   the dense model twice for activation sparsity, once and its packed form for packed, that twice for both.
// Errors   Error{internal}: a wrong result; those of random_model.hpp; invalid_argument: a sparsity outside (0, 1);
//          interrupted.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lacuna/bench/kernel_bench.hpp"
#include "lacuna/bench/random_model.hpp"

namespace lacuna {

struct DecodeTiming;

struct DecodeBench {
  ModelShape shape;
  DType dtype = DType::bf16;
  std::vector<double> sparsities;
  std::uint64_t seed = 0;
  TimingOptions timing = {5, 0.3};
  std::function<void(const DecodeTiming&)> finished;  // called with each as soon as it is measured; may be empty
};

enum class DecodeFormat : std::uint8_t { packed, two_four, both, activation };  // 2:4: of the CUDA device alone

struct DecodeTiming {
  DecodeFormat format = DecodeFormat::packed;
  KernelTiming timing;        // of one token; ideal: its bytes
  double head_seconds = 0.0;  // of it: norm and product with the vocabulary; 0: not measured by itself
};

void check_decode_sparsities(std::span<const double> sparsities);  // throws invalid_argument

std::vector<DecodeTiming> bench_decode(const DecodeBench& request, const RunContext& context);

}  // namespace lacuna
