// The analyses of a study, as records: clusters and coherence of pruned matrices, inputs of a model's linears.
//
// Each result equals that of the command of the same name with these options, but for the null model: that is the one
// the run's method asks for (structure.hpp). plan_…() gives the analysis with its id before any work, so that a study
// can skip what it has.
//
// Errors   those of cluster and activation_run; interrupted.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lacuna/cluster/cluster_orders.hpp"
#include "lacuna/cluster/neighbourhood_clusters.hpp"
#include "lacuna/formats/matrix_set.hpp"
#include "lacuna/study/analyses/activation_run.hpp"
#include "lacuna/study/records.hpp"

namespace lacuna {

struct ClusterStudy {
  std::vector<std::string> matrices;  // "{layer}.{component}"; none: nothing is clustered
  NeighbourhoodOptions run;
  std::int64_t draws = 100;
};

struct CoherenceStudy {
  std::vector<std::string> matrices;
  std::vector<std::string> orders = {"stored", "groups"};
  NamedOrderOptions order;
  std::int64_t draws = 100;
  std::uint64_t seed = 0;
};

struct ActivationStudy {
  std::string text;  // name of a text
  std::int64_t samples = 32;
  std::int64_t seqlen = 256;
  std::uint64_t seed = 0;
  ActivationOptions options;
};

// `source` is what the records call the pruned model.
AnalysisRecord plan_clusters(const std::string& source, const WeightMatrix& matrix, const RunRecord& run,
                             const ClusterStudy& options);
AnalysisResults measure_clusters(AnalysisRecord plan, const WeightMatrix& matrix, const RunRecord& run,
                                 const ClusterStudy& options, const RunContext& context);

AnalysisRecord plan_coherence(const std::string& source, const WeightMatrix& matrix, const RunRecord& run,
                              const CoherenceStudy& options, const std::string& order);
AnalysisResults measure_coherence(AnalysisRecord plan, const WeightMatrix& matrix, const RunRecord& run,
                                  const CoherenceStudy& options, const std::string& order, const RunContext& context);

AnalysisRecord plan_activations(const std::string& model, const CalibrationSet& calibration,
                                const ActivationStudy& options);
AnalysisResults measure_inputs(AnalysisRecord plan, const Decoder& decoder, const CalibrationSet& calibration,
                               const ActivationStudy& options, const RunContext& context);

}  // namespace lacuna
