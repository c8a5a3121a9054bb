#include "lacuna/bench/tuner.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

std::string now_utc() { return fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr))); }

bool is_packed(const TuningKey& key) { return key.operation == product_name(TunedProduct::packed); }

bool is_steady(const CallTime& time) { return time.median <= kSteadySpread * time.fastest; }

TuningEntry measure(const TuningKey& key, const TunerOptions& options, const RunContext& context) {
  KernelBench request;
  request.shape = {key.rows, key.cols};
  request.dtype = key.dtype;
  request.sparsities = {sparsity_of_bin(key.sparsity_bin)};
  request.seed = options.seed;
  request.rotated_bytes = options.rotated_bytes;
  request.timing = options.timing;
  const RunContext quiet = without_progress(context);
  const KernelTiming timing = is_packed(key) ? bench_packed(request, quiet)[0] : bench_activation(request, quiet)[0];
  TuningEntry entry;
  entry.key = key;
  entry.candidates = {{"dense", timing.dense.median}, {is_packed(key) ? "bitmap" : "columns", timing.time.median}};
  entry.choice = choose_candidate(entry.candidates).name;
  entry.measured = now_utc();
  entry.steady = is_steady(timing.dense) && is_steady(timing.time);
  return entry;
}

}  // namespace

std::string_view product_name(TunedProduct product) {
  return product == TunedProduct::packed ? "packed" : "activation";
}

TuningKey cpu_tuning_key(TunedProduct product, BenchShape shape, DType dtype, double sparsity) {
  return {cpu_tuning_device(),   tuning_version(), std::string(product_name(product)), shape.rows, shape.cols, dtype,
          sparsity_bin(sparsity)};
}

const TuningEntry& Tuner::choose(const TuningKey& key, const RunContext& context) {
  const TuningEntry* known = cache_.find(key);
  const bool fresh = std::find(measured_.begin(), measured_.end(), key) != measured_.end();
  if (known != nullptr && (known->steady || fresh)) return *known;
  TuningEntry entry = measure(key, options_, context);
  for (int i = 1; i < kAttempts && !entry.steady; ++i) entry = measure(key, options_, context);
  measured_.push_back(key);
  if (!entry.steady) unsteady_.push_back(key);
  cache_.put(std::move(entry));
  cache_.save();
  return *cache_.find(key);
}

double candidate_seconds(const TuningEntry& entry, std::string_view name) {
  const auto found =
      std::find_if(entry.candidates.begin(), entry.candidates.end(), [&](const auto& c) { return c.name == name; });
  if (found == entry.candidates.end()) {
    throw Error(ErrorCode::internal, fmt::format("tuning entry without a candidate {}", name));
  }
  return found->seconds;
}

}  // namespace lacuna
