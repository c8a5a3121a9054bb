#include "lacuna/study/study_analyses.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "lacuna/cluster/coherence.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/study/analyses/analysis_results.hpp"
#include "lacuna/study/analyses/null_comparison.hpp"
#include "lacuna/study/analyses/structure.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::ordered_json;

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

Json null_json(const NullOptions& null) {
  Json json = {{"model", null_model_name(null.model)}, {"draws", null.draws}, {"seed", null.seed}};
  if (null.m != 0) json["m"] = null.m;
  return json;
}

AnalysisRecord plan_matrix(const std::string& command, const std::string& source, const WeightMatrix& matrix,
                           const RunRecord& run, std::uint64_t seed, const Json& options) {
  AnalysisRecord plan;
  plan.command = command;
  plan.source = source;
  plan.run_id = run.run_id;
  plan.layer = matrix.layer;
  plan.component = matrix.component;
  plan.rows = matrix.view.shape[0];
  plan.cols = matrix.view.shape[1];
  plan.axis = "columns";
  plan.options_json = options.dump();
  plan.seed = seed;
  plan.threads = thread_count();
  plan.analysis_id = analysis_id_of(plan);
  return plan;
}

NeighbourhoodOptions fitting(NeighbourhoodOptions run, std::int64_t features) {
  run.n = std::min(run.n, features);
  std::erase_if(run.k, [&](int k) { return k > run.n; });
  return run;
}

}  // namespace

AnalysisRecord plan_clusters(const std::string& source, const WeightMatrix& matrix, const RunRecord& run,
                             const ClusterStudy& options) {
  const auto fitted = fitting(options.run, matrix.view.shape[1]);
  const Json json = {{"k", fitted.k},
                     {"n", fitted.n},
                     {"seeds", fitted.seeds},
                     {"feature", nullptr},
                     {"inits", fitted.initialisations},
                     {"on", "patterns"},
                     {"null", null_json(null_options_of(run, options.draws, fitted.seed))}};
  return plan_matrix("cluster", source, matrix, run, fitted.seed, json);
}

AnalysisResults measure_clusters(AnalysisRecord plan, const WeightMatrix& matrix, const RunRecord& run,
                                 const ClusterStudy& options, const RunContext& context) {
  const Stopwatch watch;
  const auto patterns = FeaturePatterns::columns(matrix.view);
  const auto fitted = fitting(options.run, patterns.count());
  std::vector<Statistic> statistics;
  for (const int k : fitted.k) statistics.push_back({fmt::format("separation_{}", k), Tail::greater});
  const auto procedure = [&](const FeaturePatterns& mask, std::uint64_t seed) {
    auto drawn = fitted;
    drawn.seed = seed;
    return mean_separations(cluster_neighbourhoods(mask, drawn), drawn.k);
  };
  AnalysisResults results;
  results.clusters = cluster_records(cluster_neighbourhoods(patterns, fitted, {}, context));
  results.statistics =
      statistic_records(compare_with_null(patterns, fitted.seed, null_options_of(run, options.draws, fitted.seed),
                                          std::move(statistics), procedure, context));
  results.analysis = std::move(plan);
  finish_analysis(results.analysis, watch.seconds());
  return results;
}

AnalysisRecord plan_coherence(const std::string& source, const WeightMatrix& matrix, const RunRecord& run,
                              const CoherenceStudy& options, const std::string& order) {
  Json json = {{"block", options.order.block}, {"order", order}};
  if (order == "gradient") json["feature"] = nullptr;
  if (order == "kmeans") json["k"] = options.order.k;
  json["null"] = null_json(null_options_of(run, options.draws, options.seed));
  return plan_matrix("coherence", source, matrix, run, options.seed, json);
}

AnalysisResults measure_coherence(AnalysisRecord plan, const WeightMatrix& matrix, const RunRecord& run,
                                  const CoherenceStudy& options, const std::string& order, const RunContext& context) {
  const Stopwatch watch;
  const auto patterns = FeaturePatterns::columns(matrix.view);
  const auto coherence_of = [&](const FeaturePatterns& mask, std::uint64_t seed) {
    return block_coherence(mask, named_order(order, mask, options.order, seed), options.order.block);
  };
  const auto observed = coherence_of(patterns, options.seed);
  const auto comparison = compare_with_null(
      patterns, options.seed, null_options_of(run, options.draws, options.seed), {{"mean", Tail::greater}},
      [&](const FeaturePatterns& mask, std::uint64_t seed) {
        return std::vector<double>{coherence_of(mask, seed).mean};
      },
      context);
  AnalysisResults results;
  results.coherence = observed.groups;
  results.statistics = statistic_records(comparison);
  results.statistics.push_back(
      {.statistic = "expected_independent", .value = independent_coherence(patterns.density(), options.order.block)});
  results.statistics.push_back({.statistic = "skipped", .value = observed.skipped});
  results.analysis = std::move(plan);
  finish_analysis(results.analysis, watch.seconds());
  return results;
}

AnalysisRecord plan_activations(const std::string& model, const CalibrationSet& calibration,
                                const ActivationStudy& options) {
  const auto& o = options.options;
  AnalysisRecord plan;
  plan.command = "activations";
  plan.source = model;
  Json json = {{"calibration", options.text},
               {"calibration_digest", calibration.digest},
               {"samples", calibration.samples},
               {"seqlen", calibration.seqlen},
               {"targets", o.targets},
               {"compute", compute_name(o.compute)},
               {"allocate", o.greedy ? "greedy" : "uniform"},
               {"coactivation", o.coactivation ? Json(*o.coactivation) : Json(nullptr)}};
  if (o.greedy) {
    json["greedy_step"] = o.greedy_step;
    json["greedy_sequences"] = o.greedy_sequences;
  }
  plan.options_json = json.dump();
  plan.seed = options.seed;
  plan.threads = thread_count();
  plan.analysis_id = analysis_id_of(plan);
  return plan;
}

AnalysisResults measure_inputs(AnalysisRecord plan, const Decoder& decoder, const CalibrationSet& calibration,
                               const ActivationStudy& options, const RunContext& context) {
  const Stopwatch watch;
  AnalysisResults results;
  add_profile(measure_activations(decoder, calibration, options.options, context).profile, results);
  results.analysis = std::move(plan);
  finish_analysis(results.analysis, watch.seconds());
  return results;
}

}  // namespace lacuna
