// What the tuner has found out about a model's products, for decoding: nothing is measured here.
//
//   const TunedForms tuned(cache, cpu_tuning_device());
//   generator.expand_packed([&](auto& layer, auto& linear) { return tuned.dense_is_faster(linear); }, context);
//
// Only steady entries count, of this device and version. Where one is missing the answer is what is done without a
// cache: packed linears stay packed, thresholded ones read columns.
//
// Threads  safe from any thread while the cache does not change.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "lacuna/bench/tuner.hpp"
#include "lacuna/model/layer.hpp"

namespace lacuna {

// The share of its inputs that a linear's threshold takes as 0.
using SparsityOf = std::function<double(std::int64_t layer, const std::string& component)>;

class TunedForms {
 public:
  TunedForms(const TuningCache& cache, std::string device) : cache_(&cache), device_(std::move(device)) {}

  // Of a packed linear on the processor.
  bool dense_is_faster(const Linear& packed) const;
  // The same where a share of its inputs counts as 0: then dense rows or dense columns are the forms that need it
  // expanded, and bitmaps, slices or packed columns those that do not.
  bool dense_is_faster(const Linear& packed, double input_sparsity) const;
  // Whether a thresholded linear shall read every column: so for all that share its input, where columns take as long
  // as dense together.
  bool reads_all_columns(const LayerWeights& layer, const Linear& linear, const SparsityOf& sparsity_of) const;

  const TuningEntry* find(TunedProduct product, BenchShape shape, DType dtype, double sparsity,
                          double input_sparsity = 0.0) const;

 private:
  const TuningEntry* find_both(const Linear& packed, double input_sparsity) const;

  const TuningCache* cache_;
  std::string device_;
};

}  // namespace lacuna
