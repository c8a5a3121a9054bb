// Several statistics of one matrix beside what the same procedure gives on random masks.
//
// The procedure returns the statistics first, and may return more values after them; those are drawn too, but not
// tested. p_holm is corrected for the statistics of this comparison.
//
// Errors   as draw_null() (cluster/null_test.hpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lacuna/cluster/null_test.hpp"
#include "lacuna/study/analyses/analysis_records.hpp"

namespace lacuna {

struct Statistic {
  std::string name;  // snake_case
  Tail tail = Tail::greater;
};

struct NullComparison {
  std::optional<NullOptions> options;  // absent: compared with nothing
  std::vector<Statistic> statistics;
  std::vector<double> observed;            // of the statistics, and what the procedure returned after them
  std::vector<std::vector<double>> drawn;  // one vector per value of the procedure
  std::vector<NullTest> tests;             // one per statistic, as p_holm
  std::vector<double> p_holm;
};

NullComparison compare_with_null(const FeaturePatterns& patterns, std::uint64_t seed,
                                 const std::optional<NullOptions>& options, std::vector<Statistic> statistics,
                                 const Procedure& procedure, const RunContext& context = {});

// Fills in tests and p_holm from observed and drawn.
void test_drawn(NullComparison& comparison);

std::vector<StatisticRecord> statistic_records(const NullComparison& comparison);

}  // namespace lacuna
