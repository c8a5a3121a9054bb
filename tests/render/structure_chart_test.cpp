#include "lacuna/render/structure_charts.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::json;

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

}  // namespace
}  // namespace lacuna
