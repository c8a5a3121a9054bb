// The forward pass through one decoder layer, for a batch of sequences of equal length.
//
//   LayerForward forward(decoder.config(), Compute::f32);
//   forward.run(layer, hidden, length);                                   // hidden ← the layer's output
//   forward.capture(layer, hidden, length, {}, [&](const TappedInput& tap) { … });   // inputs of every linear
//
// hidden is (sequences·length)×hidden_size, sequence after sequence. Sequences are computed in chunks of a few thousand
// tokens, so scratch memory is bounded whatever the batch (scratch_bytes).
//
// Taps  Each distinct input of the layer's linears is shown once, the sequences of a chunk together and in order:
//       {q, k, v}, {o}, {gate, up}, {down}. capture() computes no more than the last wanted group needs and leaves
//       `hidden` as it is, so that callers can capture, prune a group, and capture the next one. Groups of one chunk
//       come before the next chunk's.
//       They show the inputs as they are, before any input_threshold of the linears.
// Columns  Up to 8 rows at a time by linears that hold their weights by columns (layer.hpp) read the active columns
//       only, in f32 whatever `compute` says.
// Accuracy  f32: as kernels/gemm, kernels/attention. bf16: inputs and weights of linears rounded to bf16, sums,
//       norms, attention and residuals in f32. The result of a sequence depends on the batch only by rounding: GEMM
//       libraries choose their order of summation by shape.
// Threads  parallel inside; one call at a time per object (it owns the scratch).
// Errors   invalid_argument: bf16 on a processor without it, when constructed; out_of_memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "lacuna/core/buffer.hpp"
#include "lacuna/model/column_products.hpp"
#include "lacuna/model/config.hpp"
#include "lacuna/model/layer.hpp"
#include "lacuna/model/linear_product.hpp"
#include "lacuna/model/rope.hpp"

namespace lacuna {

class KvCache;

struct TappedInput {
  InputGroup group = InputGroup::attention;
  std::span<const std::size_t> linears;  // indices into LayerWeights::linears: all that read this input
  std::int64_t first_sequence = 0;       // of the batch
  std::int64_t sequences = 0;
  MatrixView<const float> input;  // (sequences·length)×in; valid during the call
};
using InputTap = std::function<void(const TappedInput&)>;

struct GroupRange {
  InputGroup first = InputGroup::attention;
  InputGroup last = InputGroup::mlp_output;
};

class LayerForward {
 public:
  LayerForward(const DecoderConfig& config, Compute compute);

  void run(const LayerWeights& layer, MatrixView<float> hidden, std::int64_t length, const InputTap& tap = {});
  void capture(const LayerWeights& layer, MatrixView<const float> hidden, std::int64_t length, GroupRange groups,
               const InputTap& tap);
  // One sequence whose earlier positions are in the cache: hidden holds the next rows. The caller advances the cache
  // once all layers have run.
  void extend(const LayerWeights& layer, MatrixView<float> hidden, KvCache& cache);

  std::uint64_t scratch_bytes(std::int64_t length) const;  // at most, for sequences of this length
  std::optional<double> skipped_weights() const { return columns_.skipped_weights(); }

  const DecoderConfig& config() const { return config_; }
  Compute compute() const { return product_.compute(); }

 private:
  struct Chunk;
  struct GroupInput;

  std::int64_t sequences_per_chunk(std::int64_t length) const;
  void run_chunk(const LayerWeights& layer, Chunk& chunk);
  bool attention_block(const LayerWeights& layer, Chunk& chunk);  // false: nothing after it is wanted
  void project_heads(const LayerWeights& layer, Chunk& chunk);
  void attend(const LayerWeights& layer, Chunk& chunk);
  void mlp_block(const LayerWeights& layer, Chunk& chunk);
  void expand_mlp(const LayerWeights& layer, MatrixView<const float> input, MatrixView<float> inner);
  void show(const LayerWeights& layer, const Chunk& chunk, InputGroup group, MatrixView<const float> input) const;
  void normalise(const NormWeights& norm, MatrixView<const float> in, MatrixView<float> out) const;

  const LinearProduct::Input& input_of(const Linear& linear, GroupInput& input);
  void multiply(const Linear& linear, GroupInput& input, MatrixView<float> y, bool accumulate);
  void multiply_up(const Linear& up, GroupInput& group, MatrixView<float> gate);

  DecoderConfig config_;
  LinearProduct product_;
  RopeTables rope_;
  AlignedBuffer<float> hidden_;   // capture's copy
  AlignedBuffer<float> normed_;   // rows×hidden
  AlignedBuffer<float> queries_;  // rows×query_size; attention writes its output over them
  AlignedBuffer<float> keys_;     // rows×kv_size
  AlignedBuffer<float> values_;   // rows×kv_size
  AlignedBuffer<float> inner_;    // rows×intermediate
  AlignedBuffer<float> up_;       // a block of rows×intermediate
  AlignedBuffer<float> sparse_;   // an input with its small entries 0; only where a linear has a threshold
  ColumnProducts columns_;
};

}  // namespace lacuna
