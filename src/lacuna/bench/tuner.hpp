// Which form of a product is the fastest on this processor, measured once and remembered (tuning_cache.hpp).
//
//   packed       dense: zeros multiplied as stored     bitmap: kernels/packed_gemv
//   activation   dense: every column read              columns: kernels/sparse_gemv
//
// Measured is the middle of the sparsity's bin, by bench_packed and bench_activation: checked, from memory, medians of
// rounds in turns. Equals go to the simpler form (choose_candidate), so that noise does not decide. Where a median lies
// more than kSteadySpread above its fastest round, other work disturbed it: it is measured again, kAttempts times in
// all, and what is still unsteady is marked so and measured anew by the next process.
//
// Errors   those of kernel_bench and tuning_cache; interrupted.
#pragma once

#include "lacuna/bench/kernel_bench.hpp"
#include "lacuna/bench/tuning_cache.hpp"

namespace lacuna {

enum class TunedProduct { packed, activation };
std::string_view product_name(TunedProduct product);

TuningKey cpu_tuning_key(TunedProduct product, BenchShape shape, DType dtype, double sparsity);

struct TunerOptions {
  TimingOptions timing = {7, 0.02};
  std::size_t rotated_bytes = kRotatedBytes;
  std::uint64_t seed = 0;
};

// Takes what it knows from the cache, measures the rest and saves it, so that an interrupted search goes on where it
// was.
inline constexpr double kSteadySpread = 1.25;
inline constexpr int kAttempts = 3;

class Tuner {
 public:
  Tuner(TuningCache& cache, const TunerOptions& options) : cache_(cache), options_(options) {}

  const TuningEntry& choose(const TuningKey& key, const RunContext& context);
  int measured() const { return static_cast<int>(measured_.size()); }  // entries that were not known
  int unsteady() const { return static_cast<int>(unsteady_.size()); }  // of them

 private:
  TuningCache& cache_;
  TunerOptions options_;
  std::vector<TuningKey> measured_;
  std::vector<TuningKey> unsteady_;
};

double candidate_seconds(const TuningEntry& entry, std::string_view name);  // throws Error{internal} without it

}  // namespace lacuna
