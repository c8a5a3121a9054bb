#include "lacuna/bench/tuner.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "lacuna/bench/both_bench.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

std::string now_utc() { return fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr))); }

MeasuredForms measure_on_processor(const TuningKey& key, const TunerOptions& options, const RunContext& context) {
  KernelBench request;
  request.shape = {key.rows, key.cols};
  request.dtype = key.dtype;
  request.sparsities = {sparsity_of_bin(key.sparsity_bin)};
  request.seed = options.seed;
  request.rotated_bytes = options.rotated_bytes;
  request.timing = options.timing;
  MeasuredForms forms;
  if (key.operation == product_name(TunedProduct::both)) {
    for (auto& form : bench_both(request, sparsity_of_bin(key.input_bin), context)) {
      forms.steady &= is_steady(form.time);
      forms.candidates.push_back({std::move(form.name), form.time.median});
    }
    return forms;
  }
  const bool packed = key.operation == product_name(TunedProduct::packed);
  KernelTiming timing = packed ? bench_packed(request, context)[0] : bench_activation(request, context)[0];
  forms.candidates = {{"dense", timing.dense.median}, {std::move(timing.form), timing.time.median}};
  forms.steady = is_steady(timing.dense) && is_steady(timing.time);
  return forms;
}

}  // namespace

std::string_view product_name(TunedProduct product) {
  switch (product) {
    case TunedProduct::packed: return "packed";
    case TunedProduct::two_four: return "packed 2:4";
    case TunedProduct::activation: return "activation";
    case TunedProduct::gate: return "activation gate";
    case TunedProduct::both: return "both";
  }
  return "unknown";
}

TuningKey tuning_key(const std::string& device, TunedProduct product, BenchShape shape, DType dtype, double sparsity,
                     double input_sparsity) {
  return {device, tuning_version(),       std::string(product_name(product)), shape.rows, shape.cols,
          dtype,  sparsity_bin(sparsity), sparsity_bin(input_sparsity)};
}

TuningKey cpu_tuning_key(TunedProduct product, BenchShape shape, DType dtype, double sparsity) {
  return tuning_key(cpu_tuning_device(), product, shape, dtype, sparsity);
}

TuningDevice cpu_tuning() { return {cpu_tuning_device(), measure_on_processor}; }

bool is_steady(const CallTime& time) { return time.median <= kSteadySpread * time.fastest; }

TuningEntry Tuner::measure(const TuningKey& key, const RunContext& context) const {
  TuningEntry entry;
  entry.key = key;
  MeasuredForms forms = device_.measure(key, options_, without_progress(context));
  entry.candidates = std::move(forms.candidates);
  entry.choice = choose_candidate(entry.candidates).name;
  entry.measured = now_utc();
  entry.steady = forms.steady && judges();
  return entry;
}

const TuningEntry& Tuner::choose(const TuningKey& key, const RunContext& context) {
  const TuningEntry* known = cache_.find(key);
  const bool fresh = std::find(measured_.begin(), measured_.end(), key) != measured_.end();
  if (known != nullptr && (known->steady || fresh)) return *known;
  TuningEntry entry = measure(key, context);
  for (int i = 1; i < kAttempts && judges() && !entry.steady; ++i) entry = measure(key, context);
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

const TunedCandidate& sparse_candidate(const TuningEntry& entry) {
  const auto faster = [](const TunedCandidate& a, const TunedCandidate& b) { return a.seconds < b.seconds; };
  const auto chosen = std::find_if(entry.candidates.begin(), entry.candidates.end(),
                                   [&](const auto& c) { return c.name == entry.choice && c.name != "dense"; });
  if (chosen != entry.candidates.end()) return *chosen;
  if (entry.candidates.size() == 1) return entry.candidates.front();
  return *std::min_element(entry.candidates.begin() + 1, entry.candidates.end(), faster);
}

}  // namespace lacuna
