#include "lacuna/study/report/findings.hpp"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

StructureRecord test_of(const std::string& component, const std::string& statistic, double value, double mean,
                        std::optional<double> z, double p) {
  StructureRecord r;
  r.run_id = "r";
  r.layer = 3;
  r.component = component;
  r.statistic = statistic;
  r.block = 8;
  r.value = value;
  r.null_model = "margins";
  r.draws = 999;
  r.null_mean = mean;
  r.null_std = 0.01;
  r.z = z;
  r.p = p;
  return r;
}

StudyModelView view_with(std::vector<StructureRecord> records) {
  StudyModelView view;
  view.name = "m";
  StudyRunView run;
  run.run.run_id = "r";
  run.run.method = "wanda";
  run.run.sparsity = 0.5;
  run.structure = std::move(records);
  view.runs.push_back(std::move(run));
  return view;
}

TEST(Findings, AreRankedByAdjustedPThenByZ) {
  const std::vector views = {view_with({test_of("mlp.up_proj", "separation", 1.0, 1.0, 0.1, 0.5),
                                        test_of("mlp.up_proj", "mean_distance", 0.4, 0.5, -3.0, 0.001),
                                        test_of("mlp.down_proj", "coherence_grouped", 0.4, 0.1, 9.0, 0.001),
                                        test_of("mlp.down_proj", "nearest_distance", 0.4, 0.4, 0.0, 1.0)})};
  const auto findings = collect_findings(views);
  ASSERT_EQ(findings.size(), 4U);
  EXPECT_EQ(findings[0].statistic, "coherence, groups");
  EXPECT_EQ(findings[1].statistic, "pair distance");
  EXPECT_EQ(findings[2].statistic, "separation, k = 8");
  // Benjamini and Hochberg of 0.001, 0.001, 0.5, 1: 0.001 · 4/2, the same, 0.5 · 4/3, 1.
  EXPECT_DOUBLE_EQ(findings[0].adjusted, 0.002);
  EXPECT_DOUBLE_EQ(findings[2].adjusted, 0.5 * 4 / 3);
  EXPECT_TRUE(findings[1].found);
  EXPECT_FALSE(findings[2].found);
  EXPECT_EQ(findings[0].run, "wanda 50%");
}

TEST(Findings, WithoutVariationThereIsNone) {
  const std::vector views = {view_with({test_of("fc1", "mean_distance", 0.4, 0.4, std::nullopt, 0.001)})};
  EXPECT_FALSE(collect_findings(views)[0].found);
}

TEST(Findings, GroupsSayHowMuchAndWhetherItHelps) {
  const std::vector views = {view_with({test_of("mlp.up_proj", "mean_distance", 0.499, 0.5, -5.0, 0.001),
                                        test_of("mlp.up_proj", "separation", 1.0, 1.0, 0.1, 0.5),
                                        test_of("mlp.down_proj", "coherence_grouped", 0.45, 0.1, 9.0, 0.001),
                                        test_of("mlp.gate_proj", "separation", 1.0, 1.0, 0.1, 0.7)})};
  const auto groups = group_findings(collect_findings(views));
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].projection, "down_proj");  // all of its tests find structure
  EXPECT_EQ(groups[1].projection, "up_proj");    // half
  EXPECT_EQ(groups[2].projection, "gate_proj");
  EXPECT_EQ(std::make_pair(groups[1].found, groups[1].tests), std::make_pair(1, 2));
  EXPECT_NE(groups[0].interpretation.find("45.00 % of the rows of a block are zero instead of 10.00 %, enough"),
            std::string::npos)
      << groups[0].interpretation;
  EXPECT_NE(groups[1].interpretation.find("real, but small"), std::string::npos) << groups[1].interpretation;
  EXPECT_NE(groups[2].interpretation.find("None of 1 tests"), std::string::npos) << groups[2].interpretation;
}

TEST(Findings, SayHowSmallPCanGet) {
  const std::vector views = {view_with({test_of("fc1", "separation", 1.0, 1.0, 3.0, 0.001),  // of 999 draws: the floor
                                        test_of("fc1", "mean_distance", 0.4, 0.5, -3.0, 0.002),
                                        test_of("fc1", "nearest_distance", 0.4, 0.4, std::nullopt, 0.001)})};
  const auto floor = finding_floor(collect_findings(views));
  EXPECT_EQ(floor.at_floor, 1U);
  EXPECT_DOUBLE_EQ(floor.smallest_p, 0.001);
  EXPECT_DOUBLE_EQ(floor.smallest_alone, 0.003);
  EXPECT_EQ(floor.draws_needed, 59);  // 1/60 · 3 = 0.05
  EXPECT_EQ(floor.text(),
            "With 999 draws no p is below 1/1000 = 0.001. Corrected for 3 tests, it is 0.003 where one test alone "
            "gets there, and less the more do. 1 of 3 is at the floor: no draw reached what was observed, p "
            "tells such tests apart no longer, and their order is that of |z|.");
  EXPECT_EQ(finding_floor({}).text(), "");
}

TEST(Findings, AnalysesCountWhereTheyWereTested) {
  auto view = view_with({});
  AnalysisResults results;
  results.analysis.command = "coherence";
  results.analysis.source = "x/file.pt";
  results.analysis.component = "mlp.down_proj";
  results.analysis.options_json = R"({"order": "balanced"})";
  results.statistics = {{"mean", 0.2, "margins", 99, 0.1, 0.01, 10.0, 0.01, 0.01}, {.statistic = "skipped"}};
  view.analyses = {results};
  results.analysis.run_id = "r";
  results.analysis.options_json = "damaged";
  view.analyses.push_back(results);
  const auto findings = collect_findings(std::span(&view, 1));
  ASSERT_EQ(findings.size(), 2U);  // not the untested one
  EXPECT_EQ(findings[0].statistic, "coherence, balanced");
  EXPECT_EQ(findings[0].run, "file.pt");
  EXPECT_EQ(findings[0].method, "");
  EXPECT_EQ(findings[1].method, "wanda");
  EXPECT_EQ(findings[1].statistic, "coherence, mean");
}

}  // namespace
}  // namespace lacuna
