// Which form of a product is the fastest on a device, measured once and remembered (tuning_cache.hpp).
//
//   processor  packed       dense: zeros multiplied as stored     bitmap or slices: kernels/packed_gemv
//              activation   dense: every column read              columns: kernels/sparse_gemv
//              both         dense, bitmap or slices, columns, packed columns: both_bench.hpp
//   CUDA       device_tuner.hpp
//
// Measured is the middle of the sparsity's bin: checked, from memory, medians of rounds in turns. Equals go to the
// simpler form (choose_candidate), so that noise does not decide. Where a median lies more than kSteadySpread above its
// fastest round, other work disturbed it: it is measured again, kAttempts times in all, and what is still unsteady is
// marked so and measured anew by the next process. Of fewer than kJudgedRounds rounds nothing tells: they are measured
// once, and count as unsteady.
//
// Errors   those of the device's measurement and of tuning_cache; interrupted.
#pragma once

#include <functional>

#include "lacuna/bench/kernel_bench.hpp"
#include "lacuna/bench/tuning_cache.hpp"

namespace lacuna {

// two_four and gate, silu(gate)·up of linears that share an input, are products of their own on CUDA devices.
// both: weights of 0 and inputs of 0, on the processor.
enum class TunedProduct { packed, two_four, activation, gate, both };
std::string_view product_name(TunedProduct product);

// input_sparsity: of `both`, whose `sparsity` is that of the weights.
TuningKey tuning_key(const std::string& device, TunedProduct product, BenchShape shape, DType dtype, double sparsity,
                     double input_sparsity = 0.0);
TuningKey cpu_tuning_key(TunedProduct product, BenchShape shape, DType dtype, double sparsity);

struct TunerOptions {
  TimingOptions timing = {7, 0.02};
  std::size_t rotated_bytes = kRotatedBytes;
  std::uint64_t seed = 0;
};

struct MeasuredForms {
  std::vector<TunedCandidate> candidates;  // simplest first: "dense"
  bool steady = true;
};
struct TuningDevice {
  std::string name;  // of the keys
  std::function<MeasuredForms(const TuningKey&, const TunerOptions&, const RunContext&)> measure;
};
TuningDevice cpu_tuning();  // of this process

inline constexpr double kSteadySpread = 1.25;
inline constexpr int kAttempts = 3;
inline constexpr int kJudgedRounds = 3;
bool is_steady(const CallTime& time);

// Takes what it knows from the cache, measures the rest and saves it, so that an interrupted search goes on where it
// was.
class Tuner {
 public:
  Tuner(TuningCache& cache, TuningDevice device, const TunerOptions& options)
      : cache_(cache), device_(std::move(device)), options_(options) {}

  const TuningEntry& choose(const TuningKey& key, const RunContext& context);
  TuningKey key(TunedProduct product, BenchShape shape, DType dtype, double sparsity,
                double input_sparsity = 0.0) const {
    return tuning_key(device_.name, product, shape, dtype, sparsity, input_sparsity);
  }
  const std::string& device() const { return device_.name; }
  int measured() const { return static_cast<int>(measured_.size()); }  // entries that were not known
  int unsteady() const { return static_cast<int>(unsteady_.size()); }  // of them
  bool judges() const { return options_.timing.rounds >= kJudgedRounds; }

 private:
  TuningEntry measure(const TuningKey& key, const RunContext& context) const;

  TuningCache& cache_;
  TuningDevice device_;
  TunerOptions options_;
  std::vector<TuningKey> measured_;
  std::vector<TuningKey> unsteady_;
};

double candidate_seconds(const TuningEntry& entry, std::string_view name);  // throws Error{internal} without it
// What is taken of the forms other than dense: the choice, or, where that is dense, the fastest of them; dense where
// there is no other.
const TunedCandidate& sparse_candidate(const TuningEntry& entry);

}  // namespace lacuna
