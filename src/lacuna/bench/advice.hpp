// What a model's weights cost on a device, in bytes and in time per token, by format.
//
//   const Advice advice = advise(matrices, tuner, context);
//
// The time of a format is the sum of the measured times of its products, one input at a time, each read from memory:
// what decoding spends on weights. Attention, norms and sampling come on top, alike for every format.
//
//   dense     every matrix as it is
//   packed    matrices that packing makes smaller packed (sparse/layout.hpp), the others dense
//   fastest   each matrix in the form the tuner chose for its sparsity
//
// Prospects say the same for the model if its decoder matrices were pruned to, or their inputs sparse to, a share,
// or both where every decoder matrix has such a product.
//
// Errors   those of tuner.hpp. Cost: one measurement of half a second for each shape, type and bin not yet known.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lacuna/bench/tuner.hpp"

namespace lacuna {

struct AdviceMatrix {
  std::string name;
  BenchShape shape;
  DType dtype = DType::bf16;
  bool prunable = true;   // a linear of a decoder block, or several that share an input; false: the head
  double sparsity = 0.0;  // measured share of zeros
  std::uint64_t dense_bytes = 0;
  std::uint64_t packed_bytes = 0;  // dense_bytes where packing does not make it smaller
  TunedProduct packed_product = TunedProduct::packed;
  TunedProduct activation_product = TunedProduct::activation;
  bool both = false;  // sparse weights and inputs have a product of their own there
};

struct FormatCost {
  std::string format;           // "dense", "packed", "fastest"; prospects: "packed", "activation", "both"
  double sparsity = 0.0;        // of a prospect
  double input_sparsity = 0.0;  // of a prospect of both, whose weights have the other
  std::uint64_t bytes = 0;
  double seconds = 0.0;        // a token
  double dense_seconds = 0.0;  // a token, dense, in the same measurements

  double tokens_per_second() const { return seconds > 0.0 ? 1.0 / seconds : 0.0; }
  double speedup() const { return seconds > 0.0 ? dense_seconds / seconds : 1.0; }
};

struct Advice {
  std::vector<FormatCost> formats;  // dense first
  std::vector<FormatCost> prospects;
  std::vector<std::string> choices;  // of each matrix: "dense", or the form that the tuner chose
  std::string verdict;               // one sentence for people, from the numbers alone
};

struct Prospect {
  TunedProduct product = TunedProduct::packed;
  double sparsity = 0.0;
  double input_sparsity = 0.0;  // of both
};

Advice advise(std::span<const AdviceMatrix> matrices, std::span<const Prospect> prospects, Tuner& tuner,
              const RunContext& context);

}  // namespace lacuna
