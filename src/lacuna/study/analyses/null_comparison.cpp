#include "lacuna/study/analyses/null_comparison.hpp"

namespace lacuna {

NullComparison compare_with_null(const FeaturePatterns& patterns, std::uint64_t seed,
                                 const std::optional<NullOptions>& options, std::vector<Statistic> statistics,
                                 const Procedure& procedure, const RunContext& context) {
  NullComparison comparison;
  comparison.options = options;
  comparison.statistics = std::move(statistics);
  comparison.observed = procedure(patterns, seed);
  if (!options) return comparison;
  comparison.drawn = draw_null(patterns.bits(), *options, procedure, context);
  test_drawn(comparison);
  return comparison;
}

void test_drawn(NullComparison& comparison) {
  std::vector<double> p;
  for (std::size_t s = 0; s < comparison.statistics.size(); ++s) {
    comparison.tests.push_back(
        test_against_null(comparison.observed[s], comparison.drawn[s], comparison.statistics[s].tail));
    p.push_back(comparison.tests.back().p);
  }
  comparison.p_holm = holm(p);
}

std::vector<StatisticRecord> statistic_records(const NullComparison& comparison) {
  std::vector<StatisticRecord> records;
  for (std::size_t s = 0; s < comparison.statistics.size(); ++s) {
    StatisticRecord record;
    record.statistic = comparison.statistics[s].name;
    record.value = comparison.observed[s];
    if (comparison.options) {
      const auto& test = comparison.tests[s];
      record.null_model = null_model_name(comparison.options->model);
      record.draws = test.draws;
      record.null_mean = test.mean;
      record.null_std = test.std;
      record.z = test.z;
      record.p = test.p;
      record.p_holm = comparison.p_holm[s];
    }
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace lacuna
