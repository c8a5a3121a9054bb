#include "lacuna/render/structure_charts.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "lacuna/core/error.hpp"
#include "lacuna/render/pattern_charts.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::json;

const Json& layer_of(const Json& spec, const std::string& mark) {
  for (const auto& layer : spec["layer"]) {
    if (layer["mark"]["type"] == mark) return layer;
  }
  throw std::runtime_error("no layer draws " + mark);
}

IntervalChart two_matrices() {
  IntervalChart chart;
  chart.title = "t";
  chart.value_title = "separation";
  chart.chance = "chance";
  chart.intervals = {{"a", "k = 4", "observed", 1.5, 0.25, ""},
                     {"a", "k = 4", "chance", 1.0, 0.125, "p = 0.01"},
                     {"b", "k = 4", "observed", NAN, 0.0, ""}};
  return chart;
}

TEST(IntervalChart, WhiskersAreOneDeviationLong) {
  const Json values = Json::parse(interval_chart(two_matrices()).spec)["data"]["values"];
  ASSERT_EQ(values.size(), 2U) << "NaN has no place";
  EXPECT_EQ(values[0]["low"], 1.25);
  EXPECT_EQ(values[0]["high"], 1.75);
  EXPECT_EQ(values[1]["note"], "p = 0.01");
}

TEST(IntervalChart, MatricesGetPanelsAndOneMatrixDoesNot) {
  IntervalChart chart = two_matrices();
  const Json facets = Json::parse(interval_chart(chart).spec);
  EXPECT_EQ(facets["facet"]["sort"], (Json{"a", "b"}));
  chart.intervals.pop_back();
  const Chart one = interval_chart(chart);
  EXPECT_FALSE(Json::parse(one.spec).contains("facet"));
  EXPECT_EQ(one.data.columns.size() + 1, interval_chart(two_matrices()).data.columns.size());
}

TEST(IntervalChart, ChanceIsGreyAndTheFirstOtherSeriesHasTheFirstColour) {
  const Json spec = Json::parse(interval_chart(two_matrices()).spec);
  const Json scale = spec["spec"]["layer"][1]["encoding"]["color"]["scale"];
  EXPECT_EQ(scale["domain"], (Json{"observed", "chance"}));
  EXPECT_EQ(scale["range"], (Json{"#0072b2", "#595959"}));
}

// Two of four pairs 2 rows of 10 apart, one 4, one 5.
DistanceChart four_pairs() {
  DistanceChart chart;
  chart.title = "t";
  chart.unit = 0.1;
  chart.cdf = {{0.2, 0.5}, {0.4, 0.75}, {0.5, 1.0}};
  return chart;
}

TEST(DistanceChart, BinsAreCentredOnDistancesAndHoldEveryPairOnce) {
  const Json spec = Json::parse(distance_chart(four_pairs()).spec);
  const Json& bins = spec["vconcat"][0]["layer"][0]["data"]["values"];
  ASSERT_EQ(bins.size(), 4U);  // 0.2, 0.3, 0.4, 0.5
  const double expected[] = {0.5, 0.0, 0.25, 0.25};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(bins[i]["low"], 0.15 + 0.1 * static_cast<double>(i), 1e-12);  // a sum of at most four roundings
    EXPECT_DOUBLE_EQ(bins[i]["share"], expected[i]);
  }
}

TEST(DistanceChart, WideBinsAreWholeUnits) {
  DistanceChart chart = four_pairs();
  chart.bins = 2;
  const Json bins = Json::parse(distance_chart(chart).spec)["vconcat"][0]["layer"][0]["data"]["values"];
  ASSERT_EQ(bins.size(), 2U);
  EXPECT_DOUBLE_EQ(bins[0]["share"], 0.5);  // 0.2 and 0.3
  EXPECT_DOUBLE_EQ(bins[1]["share"], 0.5);  // 0.4 and 0.5
}

TEST(DistanceChart, TheExcessIsMeasuredFromTheMiddleOfTheBand) {
  DistanceChart chart = four_pairs();
  EXPECT_EQ(Json::parse(distance_chart(chart).spec)["vconcat"].size(), 2U);
  chart.band = {{0.2, 0.25, 0.5}, {0.4, 0.5, 0.75}, {0.5, 1.0, 1.0}};
  const Json views = Json::parse(distance_chart(chart).spec)["vconcat"];
  ASSERT_EQ(views.size(), 3U);
  const Json& first = views[2]["data"]["values"][0];
  EXPECT_EQ(first["y"], 0.125);
  EXPECT_EQ(first["low"], -0.125);
  EXPECT_EQ(first["high"], 0.125);
  chart.band.pop_back();
  EXPECT_EQ(Json::parse(distance_chart(chart).spec)["vconcat"].size(), 2U) << "a band at other distances has no excess";
}

TEST(DistanceChart, CanBeEmptyOrOfOneDistance) {
  DistanceChart chart = four_pairs();
  chart.cdf = {{0.5, 1.0}};
  for (const double unit : {0.1, 0.0, 1e-300}) {
    chart.unit = unit;
    EXPECT_EQ(Json::parse(distance_chart(chart).spec)["vconcat"][0]["layer"][0]["data"]["values"].size(), 1U);
  }
  chart.cdf.clear();
  EXPECT_NO_THROW(distance_chart(chart));
}

TEST(DistanceChart, RefusesDistancesThatDoNotAscend) {
  DistanceChart chart = four_pairs();
  std::swap(chart.cdf[0], chart.cdf[1]);
  EXPECT_THROW(distance_chart(chart), Error);
  chart = four_pairs();
  chart.cdf[1].x = NAN;
  EXPECT_THROW(distance_chart(chart), Error);
}

TEST(ClusterSizeChart, SizesAreRankedWithinEachRunBeforeTheyAreAveraged) {
  ClusterSizeChart chart;
  chart.sizes = {{2, {{3, 7}, {9, 1}}}};
  const Json panel = Json::parse(cluster_size_chart(chart).spec)["concat"][0];
  const Json& values = panel["data"]["values"];
  ASSERT_EQ(values.size(), 2U);
  EXPECT_EQ(values[0], (Json{{"rank", 1}, {"mean", 8.0}, {"least", 7}, {"most", 9}}));
  EXPECT_EQ(values[1], (Json{{"rank", 2}, {"mean", 2.0}, {"least", 1}, {"most", 3}}));
  EXPECT_EQ(panel["layer"][2]["data"]["values"][0]["even"], 5.0);
  chart.sizes[0].runs[1].pop_back();
  EXPECT_THROW(cluster_size_chart(chart), Error);
}

TEST(PlaneChart, ClustersCountFromOneAndDifferInColourOrShape) {
  PlaneChart chart;
  for (int i = 0; i < 24; ++i) chart.points.push_back({1.0 * i, 2.0, i, i});
  chart.points.push_back({NAN, 0, 3, 24});
  const Json spec = Json::parse(plane_chart(chart).spec);
  EXPECT_EQ(spec["data"]["values"].size(), 24U);
  EXPECT_EQ(spec["data"]["values"][0]["cluster"], "1");
  std::set<std::string> looks;
  for (std::size_t i = 0; i < 24; ++i) {
    looks.insert(spec["encoding"]["color"]["scale"]["range"][i].get<std::string>() +
                 spec["encoding"]["shape"]["scale"]["range"][i].get<std::string>());
  }
  EXPECT_EQ(looks.size(), 24U);
}

TEST(StripChart, HoldsEveryValueItsMeanAndChance) {
  StripChart chart;
  chart.strips = {{"stored", {0.0, 0.5, NAN}, 0.25, 0.125, 0.0625, "p = 0.50"}, {"groups", {1.0}, 1.0, {}, 0.0, ""}};
  chart.reference = 0.1;
  const Json spec = Json::parse(strip_chart(chart).spec);
  EXPECT_EQ(layer_of(spec, "tick")["data"]["values"].size(), 3U);
  ASSERT_EQ(spec["data"]["values"].size(), 3U);  // two means, one of chance
  EXPECT_EQ(spec["data"]["values"][1]["low"], 0.0625);
  EXPECT_EQ(spec["layer"].size(), 6U) << "a rule for the reference, with its name";
  chart.reference.reset();
  EXPECT_EQ(Json::parse(strip_chart(chart).spec)["layer"].size(), 4U);
}

PatternChart two_features() {
  PatternChart chart;
  chart.n_columns = 5;
  chart.kept = {{true, true, false, true, true}, {false, false, false, false, false}};
  return chart;
}

TEST(PatternChart, RunsOfKeptEntriesAreOneRectangleEach) {
  const Json spec = Json::parse(pattern_chart(two_features()).spec);
  EXPECT_EQ(spec["layer"][0]["data"]["values"],
            (Json{{{"x", 0}, {"x2", 2}, {"y", 0}, {"y2", 1}}, {{"x", 3}, {"x2", 5}, {"y", 0}, {"y2", 1}}}));
  EXPECT_EQ(spec["layer"].size(), 1U);
}

TEST(PatternChart, LinesPartTheGroups) {
  PatternChart chart = two_features();
  chart.groups = {{"1", 1}, {"2", 0}, {"3", 1}};
  const Json spec = Json::parse(pattern_chart(chart).spec);
  EXPECT_EQ(spec["layer"][1]["data"]["values"], (Json{{{"at", 1}}}));
  EXPECT_EQ(spec["layer"][2]["data"]["values"].size(), 1U) << "names 8 pixels apart would run into each other";
}

TEST(PatternChart, RefusesSizesThatDoNotFit) {
  PatternChart chart = two_features();
  chart.groups = {{"1", 1}};
  EXPECT_THROW(pattern_chart(chart), Error);
  chart = two_features();
  chart.kept[1].pop_back();
  EXPECT_THROW(pattern_chart(chart), Error);
  chart = two_features();
  chart.n_columns = kMaxPatternCells;
  EXPECT_THROW(pattern_chart(chart), Error);
}

TEST(HeatMapChart, TheDiagonalDoesNotStretchTheColours) {
  HeatMapChart chart;
  chart.n = 3;
  chart.values = {0, 0.25, 0.5, 0.25, 0, NAN, 0.5, NAN, 0};
  const Json spec = Json::parse(heat_map_chart(chart).spec);
  EXPECT_EQ(spec["layer"][0]["data"]["values"].size(), 7U);
  EXPECT_EQ(spec["layer"][0]["encoding"]["color"]["scale"]["domain"], (Json{0.25, 0.5}));
  chart.values.pop_back();
  EXPECT_THROW(heat_map_chart(chart), Error);
  chart = {};
  EXPECT_NO_THROW(heat_map_chart(chart));
}

TEST(LineChart, OrderedSeriesDarken) {
  LineChart chart;
  chart.ordered = true;
  for (int layer = 0; layer < 40; ++layer) chart.series.push_back({std::to_string(layer), "", {{0, 1}, {1, 2}}});
  const Json encoding = Json::parse(line_chart(chart).spec)["encoding"];
  EXPECT_FALSE(encoding.contains("strokeDash"));
  EXPECT_EQ(encoding["color"]["scale"]["range"].size(), 40U);
  EXPECT_LE(encoding["color"]["legend"]["values"].size(), 10U);
  EXPECT_EQ(encoding["color"]["legend"]["values"].back(), "39");
}

}  // namespace
}  // namespace lacuna
