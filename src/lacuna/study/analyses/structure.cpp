#include "lacuna/study/analyses/structure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "lacuna/cluster/coherence.hpp"
#include "lacuna/cluster/grouping.hpp"
#include "lacuna/cluster/neighbourhood_clusters.hpp"
#include "lacuna/cluster/neighbours.hpp"
#include "lacuna/cluster/pairs.hpp"

namespace lacuna {
namespace {

struct Statistic {
  const char* name;
  Tail tail;
};

constexpr Statistic kStatistics[] = {{"mean_distance", Tail::less},
                                     {"nearest_distance", Tail::less},
                                     {"separation", Tail::greater},
                                     {"coherence_stored", Tail::greater},
                                     {"coherence_grouped", Tail::greater}};
constexpr double kFound = 0.05;  // share of false findings among the findings

double nearest_distance(const FeaturePatterns& patterns) {
  if (patterns.count() < 2 || patterns.rows() == 0) return 0.0;
  const auto graph = nearest_of_all(patterns, 2);  // the feature itself, then the nearest other one
  double sum = 0.0;
  for (std::int64_t f = 0; f < graph.features; ++f) sum += graph.distances_of(f)[1];
  return sum / static_cast<double>(graph.features) / static_cast<double>(patterns.rows());
}

double separation(const FeaturePatterns& patterns, std::uint64_t seed) {
  NeighbourhoodOptions options;
  options.n = std::min<std::int64_t>(128, patterns.count());
  options.k = {static_cast<int>(std::min<std::int64_t>(8, options.n))};
  options.seeds = 1;
  options.seed = seed;
  return mean_separations(cluster_neighbourhoods(patterns, options), options.k).front();
}

// In the order of kStatistics.
std::vector<double> statistics_of(const FeaturePatterns& patterns, std::int64_t block, std::uint64_t seed) {
  const auto groups = group_features(patterns, block, seed);
  return {all_pair_distances(patterns).mean(), nearest_distance(patterns), separation(patterns, seed),
          block_coherence(patterns, stored_order(patterns.count()), block).mean,
          block_coherence(patterns, grouped_order(groups), block).mean};
}

bool is_found(const StructureRecord& record, double adjusted) { return record.z.has_value() && adjusted <= kFound; }

}  // namespace

NullOptions null_options_of(const RunRecord& run, std::int64_t draws, std::uint64_t seed) {
  NullOptions null;
  null.model = run.m != 0 ? NullModel::pattern : NullModel::margins;
  null.m = run.m;
  null.draws = draws;
  null.seed = seed;
  return null;
}

std::vector<StructureRecord> measure_structure(const WeightMatrix& matrix, const RunRecord& run,
                                               const StructureOptions& options, const RunContext& context) {
  const auto patterns = FeaturePatterns::columns(matrix.view);
  const auto null = null_options_of(run, options.draws, options.seed);
  const auto observed = statistics_of(patterns, options.block, options.seed);
  const auto drawn = draw_null(
      patterns.bits(), null,
      [&](const FeaturePatterns& mask, std::uint64_t seed) { return statistics_of(mask, options.block, seed); },
      context);
  std::vector<StructureRecord> records;
  for (std::size_t i = 0; i < std::size(kStatistics); ++i) {
    const auto test = test_against_null(observed[i], drawn[i], kStatistics[i].tail);
    StructureRecord record;
    record.run_id = run.run_id;
    record.layer = matrix.layer;
    record.component = matrix.component;
    record.statistic = kStatistics[i].name;
    record.block = options.block;
    record.value = observed[i];
    record.null_model = null_model_name(null.model);
    record.draws = test.draws;
    record.null_mean = test.mean;
    record.null_std = test.std;
    record.z = test.z;
    record.p = test.p;
    record.seed = options.seed;
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<double> adjusted_p(std::span<const StructureRecord> records) {
  std::vector<double> p;
  for (const auto& record : records) p.push_back(record.p);
  return benjamini_hochberg(p);
}

std::string structure_verdict(std::span<const StructureRecord> records) {
  const auto adjusted = adjusted_p(records);
  std::size_t found = 0;
  const StructureRecord* best = nullptr;
  for (std::size_t i = 0; i < records.size(); ++i) {
    found += is_found(records[i], adjusted[i]) ? 1 : 0;
    const bool groups = records[i].statistic == "coherence_grouped";
    if (groups && (best == nullptr || records[i].value > best->value)) best = &records[i];
  }
  auto text = found == 0
                  ? fmt::format("None of {} tests finds more structure than chance gives.", records.size())
                  : fmt::format("{} of {} tests find more structure than chance gives (Benjamini-Hochberg, 5 %).",
                                found, records.size());
  if (best != nullptr) {
    text += fmt::format(
        " At best, grouping leaves {:.1f} % of the rows of a block of {} features all zero (chance: {:.1f} %): {}",
        100.0 * best->value, best->block, 100.0 * best->null_mean,
        has_block_structure(best->value) ? "a kernel that skips such blocks has something to skip."
                                         : "too little for a kernel that skips such blocks.");
  }
  return text;
}

}  // namespace lacuna
