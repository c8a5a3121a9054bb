#include "lacuna/study/analyses/recorded_analysis.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace lacuna {
namespace {

using Json = nlohmann::json;

StudyModelView view() {
  StudyModelView view;
  StudyRunView run;
  run.run.run_id = "r";
  run.run.method = "wanda";
  MatrixRecord matrix;
  matrix.layer = 3;
  matrix.component = "mlp.up_proj";
  matrix.sparsity = 0.5;
  matrix.pattern = "2:4";
  run.matrices = {matrix};
  view.runs = {run};
  return view;
}

AnalysisResults analysis(const std::string& command) {
  AnalysisResults results;
  results.analysis.analysis_id = "a1";
  results.analysis.command = command;
  results.analysis.run_id = "r";
  results.analysis.layer = 3;
  results.analysis.component = "mlp.up_proj";
  results.analysis.rows = 10;
  results.analysis.cols = 4;
  results.analysis.axis = "columns";
  return results;
}

Chart drawn(const AnalysisResults& results) {
  const auto figure = analysis_figure(view(), results);
  if (!figure) throw std::logic_error("nothing to draw");
  return draw_figure(figure->kind, {figure->document}, {});
}

TEST(RecordedAnalysis, DistancesComeWithTheirBandAndTheMatrix) {
  auto results = analysis("pairs");
  results.statistics = {{"mean", 0.4, "pattern", 9, 0.5, 0.1, -1.0, 0.3, 0.6}};
  results.pairs = {{0.3, 3, 0.5, 0.25, 0.75}, {0.6, 3, 1.0, 1.0, 1.0}};
  const auto chart = drawn(results);
  EXPECT_EQ(chart.title, "Distances of all pairs · layer 3 · mlp.up_proj · wanda · 50\u00A0% zeros, 2:4");
  EXPECT_EQ(Json::parse(chart.spec)["vconcat"].size(), 3U);  // the third needs the band
  EXPECT_NE(chart.spec.find("4 features, patterns of 10 rows; random masks: 9 draws of the null model pattern"),
            std::string::npos);
}

TEST(RecordedAnalysis, RanksGroupsSizesAndPlanesAreDrawn) {
  auto ranks = analysis("neighbours");
  ranks.statistics = {{"mean_distance", 0.4, "margins", 9, 0.5, 0.1, -1.0, 0.3, 0.6}};
  ranks.neighbours = {{7, 0, 7, 0.0}, {7, 1, 2, 0.25}};
  EXPECT_NE(drawn(ranks).spec.find("to feature 7; mean 0.4000, by chance 0.5000 ± 0.1000 (p = 0.60)"),
            std::string::npos);
  ranks.analysis.command = "gradient";
  EXPECT_NE(drawn(ranks).title.find("Co-activation gradient"), std::string::npos);
  auto groups = analysis("groups");
  groups.statistics = {{"zeros", 5.0, "margins", 9, 4.0, 0.5, 2.0, 0.1, 0.2}};
  EXPECT_EQ(Json::parse(drawn(groups).spec)["data"]["values"][0]["value"], 2.0);
  auto clusters = analysis("cluster");
  clusters.clusters.resize(1);
  clusters.clusters[0].k = 2;
  clusters.clusters[0].sizes = {2, 1};
  clusters.clusters[0].indices = {0, 1, 2};
  clusters.clusters[0].labels = {0, 0, 1};
  EXPECT_NE(drawn(clusters).title.find("mlp.up_proj"), std::string::npos);
  auto plane = analysis("tsne");
  plane.analysis.options_json = R"({"perplexity": 5.0, "k": 2})";
  plane.statistics = {{.statistic = "kl", .value = 0.5}};
  plane.points = {{4, 0.0, 1.0, 0}, {5, 1.0, 0.0, 1}};
  EXPECT_NE(drawn(plane).spec.find("KL divergence 0.500"), std::string::npos);
}

TEST(RecordedAnalysis, WhatIsMissingIsNotDrawn) {
  for (const char* command : {"neighbours", "gradient", "pairs", "groups", "cluster", "tsne", "threshold", "?"})
    EXPECT_FALSE(analysis_figure(view(), analysis(command)).has_value()) << command;
  auto all = analysis("neighbours");
  all.analysis.options_json = R"({"all": true})";
  all.neighbours = {{7, 0, 7, 0.0}, {7, 1, 2, 0.25}};
  EXPECT_FALSE(has_figure(all.analysis));
  all.analysis.options_json = "damaged";
  EXPECT_TRUE(has_figure(all.analysis));
  auto plane = analysis("tsne");
  plane.points = {{4, 0.0, 1.0, 0}};
  EXPECT_FALSE(analysis_figure(view(), plane).has_value()) << "its perplexity is unknown";
}

}  // namespace
}  // namespace lacuna
