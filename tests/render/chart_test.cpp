#include "lacuna/render/chart.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::json;

Json checked_spec(const Chart& chart) {
  const Json spec = Json::parse(chart.spec);
  EXPECT_EQ(spec["$schema"], "https://vega.github.io/schema/vega-lite/v6.json");
  EXPECT_EQ(spec["title"]["text"], chart.title);
  EXPECT_FALSE(chart.description.empty());
  EXPECT_EQ(spec["description"], chart.description);
  EXPECT_FALSE(spec["config"]["range"]["category"].empty());
  EXPECT_EQ(chart.spec.find('\n'), std::string::npos);
  for (const auto& row : chart.data.rows) EXPECT_EQ(row.size(), chart.data.columns.size());
  return spec;
}

PerplexityChart small_perplexities() {
  PerplexityChart chart;
  chart.points = {{"wanda", "unstructured", 0.5, 20.0, 0.5},
                  {"wanda", "2:4", 0.5, 30.0, 0.0},
                  {"sparsegpt", "unstructured", 0.7, 40.0, 0.0}};
  chart.dense = 18.0;
  return chart;
}

const Json& layer_of(const Json& spec, const std::string& mark) {
  for (const auto& layer : spec["layer"]) {
    if (layer["mark"]["type"] == mark) return layer;
  }
  throw std::runtime_error("no layer draws " + mark);
}

TEST(PerplexityChart, HoldsEveryPointAndTheBaseline) {
  const Chart chart = perplexity_chart(small_perplexities());
  const Json spec = checked_spec(chart);
  EXPECT_EQ(spec["data"]["values"].size(), 3U);
  EXPECT_EQ(spec["data"]["values"][0]["low"], 19.5);
  EXPECT_FALSE(spec["data"]["values"][1].contains("low"));
  EXPECT_EQ(layer_of(spec, "text")["data"]["values"][0]["dense"], 18.0);
  EXPECT_EQ(chart.data.rows.size(), 4U);  // and the dense model
}

TEST(PerplexityChart, TheAxisIsLogarithmicWhenValuesSpanFar) {
  PerplexityChart chart = small_perplexities();
  EXPECT_FALSE(checked_spec(perplexity_chart(chart))["encoding"]["y"]["scale"].contains("type"));
  chart.points.push_back({"magnitude", "unstructured", 0.8, 4000.0, 0.0});
  EXPECT_EQ(checked_spec(perplexity_chart(chart))["encoding"]["y"]["scale"]["type"], "log");
  chart.scale = AxisScale::linear;
  EXPECT_FALSE(checked_spec(perplexity_chart(chart))["encoding"]["y"]["scale"].contains("type"));
}

TEST(PerplexityChart, LeavesOutWhatHasNoPlace) {
  PerplexityChart chart = small_perplexities();
  chart.scale = AxisScale::log;
  chart.points.push_back({"magnitude", "unstructured", 0.9, INFINITY, 0.0});
  chart.points.push_back({"magnitude", "unstructured", 0.9, NAN, 0.0});
  chart.points.push_back({"magnitude", "unstructured", 0.9, 0.0, 0.0});
  const Chart made = perplexity_chart(chart);
  EXPECT_EQ(checked_spec(made)["data"]["values"].size(), 3U);
  EXPECT_EQ(made.data.rows.size(), 7U) << "the table keeps them";
  EXPECT_EQ(made.data.rows[4][3].text, "∞");
}

TEST(PerplexityChart, AMethodHasOneColourInEveryChart) {
  PerplexityChart chart = small_perplexities();
  chart.points = {{"sparsegpt", "unstructured", 0.5, 20.0, 0.0}, {"ria", "unstructured", 0.5, 20.0, 0.0}};
  const Json colour = checked_spec(perplexity_chart(chart))["encoding"]["color"];
  EXPECT_EQ(colour["scale"]["domain"], (Json{"magnitude", "wanda", "sparsegpt", "ria"}));
  EXPECT_EQ(colour["legend"]["values"], (Json{"sparsegpt", "ria"}));
}

TEST(PerplexityChart, NothingIsStillAChart) { checked_spec(perplexity_chart({})); }

TEST(SimilarityChart, IsAPanelForEachMatrix) {
  SimilarityChart chart;
  chart.panels = {{"layer 0", {"wanda", "sparsegpt"}, {1, 0.62, 0.62, 1}}, {"layer 1", {"wanda"}, {1}}};
  const Chart made = similarity_chart(chart);
  const Json spec = checked_spec(made);
  ASSERT_EQ(spec["concat"].size(), 2U);
  EXPECT_EQ(spec["concat"][0]["title"]["text"], "layer 0");
  EXPECT_EQ(spec["concat"][0]["data"]["values"].size(), 4U);
  EXPECT_EQ(spec["concat"][0]["layer"][0]["encoding"]["color"]["scale"]["domain"], (Json{0.6, 1.0}));
  ASSERT_EQ(made.data.rows.size(), 1U) << "each pair once, not with itself";
  EXPECT_EQ(made.data.rows[0][3].text, "0.6200");
}

TEST(SimilarityChart, LeavesOutPairsThatWereNotCompared) {
  SimilarityChart chart;
  chart.panels = {{"layer 0", {"a", "b"}, {1, NAN, NAN, 1}}};
  EXPECT_EQ(checked_spec(similarity_chart(chart))["concat"][0]["data"]["values"].size(), 2U);
}

TEST(SimilarityChart, MayHaveColumnsOfItsOwn) {
  SimilarityChart chart;
  chart.panels = {{"up_proj", {"wanda"}, {0.5, NAN, 0.75}, {"x", "y", "z"}}};
  const Chart made = similarity_chart(chart);
  const Json map = checked_spec(made)["concat"][0];
  EXPECT_EQ(map["data"]["values"][1], (Json{{"row", "wanda"}, {"column", "z"}, {"value", 0.75}}));
  EXPECT_EQ(map["encoding"]["x"]["scale"]["domain"], (Json{"x", "y", "z"}));
  EXPECT_EQ(made.data.rows.size(), 2U) << "what was compared";
}

TEST(SimilarityChart, RefusesWhatDoesNotFitItsLabels) {
  SimilarityChart chart;
  chart.panels = {{"layer 0", {"a"}, {1}, {"x", "y"}}};
  EXPECT_THROW(similarity_chart(chart), Error);
  chart.panels = {{"layer 0", {"a", "b"}, {1, 0.5, 1}}};
  EXPECT_THROW(similarity_chart(chart), Error);
}

TEST(LineChart, PanelsKeepTheirOrder) {
  LineChart chart;
  chart.title = "t";
  chart.y_title = "relative error";
  chart.series = {{"wanda", "q_proj", {{0, 0.1}, {1, NAN}}}, {"wanda", "k_proj", {{0, 0.2}}}};
  const Chart made = line_chart(chart);
  const Json spec = checked_spec(made);
  EXPECT_EQ(spec["facet"]["sort"], (Json{"q_proj", "k_proj"}));
  EXPECT_EQ(spec["data"]["values"].size(), 2U);
  EXPECT_EQ(made.data.rows.size(), 3U);
  chart.series.pop_back();
  EXPECT_FALSE(checked_spec(line_chart(chart)).contains("facet"));
}

TEST(LineChart, MarksAreRingsOfTheirOwnLayer) {
  LineChart chart;
  chart.title = "t";
  chart.series = {{"a", "", {{0, 0.1}, {1, 0.2}}, {{0.5, 0.15}, {0.5, NAN}}}};
  const Json spec = checked_spec(line_chart(chart));
  ASSERT_EQ(spec["layer"].size(), 2U);
  EXPECT_EQ(spec["layer"][1]["mark"]["type"], "point");
  ASSERT_EQ(spec["data"]["values"].size(), 3U);
  EXPECT_EQ(spec["data"]["values"][2]["mark"], true);
}

DistributionChart one_to_five() {
  DistributionChart chart;
  chart.title = "t";
  chart.bins = 4;
  chart.distributions = {{"a", {1, 2, 3, 4, 5, NAN}}};
  return chart;
}

TEST(DistributionChart, BinsHoldEveryValueOnce) {
  const Json spec = checked_spec(distribution_chart(one_to_five()));
  const Json& outline = layer_of(spec, "line")["data"]["values"];  // low end, 4 bins, closing point
  ASSERT_EQ(outline.size(), 6U);
  double total = 0;
  for (std::size_t bin = 1; bin < 5; ++bin) total += outline[bin]["share"].get<double>();
  EXPECT_NEAR(total, 1.0, 1e-12);              // a sum of four shares
  EXPECT_DOUBLE_EQ(outline[4]["share"], 0.4);  // 4 and the upper end, 5
  EXPECT_EQ(outline[5]["x"], 5.0);
}

TEST(DistributionChart, QuantilesInterpolateAsNumpyDoes) {
  DistributionChart chart = one_to_five();
  chart.kind = DistributionKind::box;
  const Chart made = distribution_chart(chart);
  const Json box = checked_spec(made)["data"]["values"][0];
  EXPECT_EQ(box["n"], 5);
  EXPECT_DOUBLE_EQ(box["p5"], 1.2);  // numpy.quantile([1, 2, 3, 4, 5], 0.05)
  EXPECT_DOUBLE_EQ(box["q1"], 2.0);
  EXPECT_DOUBLE_EQ(box["median"], 3.0);
  EXPECT_DOUBLE_EQ(box["p95"], 4.8);
  EXPECT_EQ(made.data.rows[0][3].text, "1.4142");  // population standard deviation, √2
}

TEST(DistributionChart, CanBeEmptyOrConstant) {
  DistributionChart chart = one_to_five();
  chart.distributions = {{"none", {}}, {"same", {0.5, 0.5}}};
  for (const auto kind : {DistributionKind::histogram, DistributionKind::box}) {
    chart.kind = kind;
    checked_spec(distribution_chart(chart));
  }
  chart.distributions.clear();
  checked_spec(distribution_chart(chart));
}

TEST(DistributionChart, RefusesNoBins) {
  DistributionChart chart = one_to_five();
  chart.bins = 0;
  EXPECT_THROW(distribution_chart(chart), Error);
}

TEST(BarChart, GroupsOnlyWhenThereAreSeries) {
  BarChart chart;
  chart.title = "t";
  chart.value_title = "seconds";
  chart.bars = {{"50 %", "", 1.0}, {"2:4", "", 2.0}};
  EXPECT_FALSE(checked_spec(bar_chart(chart))["encoding"].contains("color"));
  chart.bars[1].series = "wanda";
  EXPECT_EQ(checked_spec(bar_chart(chart))["encoding"]["yOffset"]["field"], "series");
}

TEST(Charts, NamesThatAreNotUtf8BecomeValidJson) {
  BarChart chart;
  chart.title = "bad \xFF";
  chart.bars = {{"\xC3(", "", 1.0}};
  EXPECT_EQ(Json::parse(bar_chart(chart).spec)["title"]["text"], "bad \uFFFD");
}

}  // namespace
}  // namespace lacuna
