#include "lacuna/study/figures/figures.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::ordered_json;

Json pairs_document() {
  return Json::parse(R"({"layer": 3, "component": "mlp.up_proj", "pruned_by": "wanda", "sparsity": 0.5, "features": 3,
    "rows": 10, "mean": 0.4, "cdf": [[0.3, 0.5], [0.6, 1.0]],
    "null": {"model": "pattern", "m": 4, "draws": 9, "cdf_band": [[0.3, 0.25, 0.75], [0.6, 1, 1]]}})");
}

Json cluster_document() {
  return Json::parse(R"({"component": "fc1", "on": "patterns",
    "summary": [{"k": 4, "runs": 2,
                 "hamming": {"within": {"mean": 0.25, "std": 0}, "between": {"mean": 0.5, "std": 0.125},
                             "separation": {"mean": 2.0, "std": 0.5}},
                 "euclidean": {"within": {"mean": 1, "std": 0}, "between": {"mean": 3, "std": 0}, "separation": null}}],
    "null": {"model": "margins", "draws": 9, "separation_4": {"mean": 1.5, "std": 0.25, "p": 0.1, "p_holm": 0.2}}})");
}

Chart draw(const char* kind, const Json& document, const FigureOptions& options = {}) {
  return draw_figure(kind, {{"input.json", document.dump()}}, options);
}

// The message of the error that a document gives.
std::string complaint(const char* kind, const Json& document, ErrorCode expected = ErrorCode::corrupt_file) {
  try {
    draw(kind, document);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), expected);
    EXPECT_EQ(error.path(), "input.json");
    return error.message();
  }
  return "none";
}

TEST(Figures, TitlesNameMatrixMethodAndSparsity) {
  EXPECT_EQ(draw("distances", pairs_document()).title,
            "Distances of all pairs · layer 3 · mlp.up_proj · wanda · 50\u00A0% zeros");
  FigureOptions options;
  options.title = "mine";
  EXPECT_EQ(draw("distances", pairs_document(), options).title, "mine");
}

TEST(Figures, DistancesStandBesideTheBandOfChance) {
  const Chart chart = draw("distances", pairs_document());
  EXPECT_EQ(Json::parse(chart.spec)["vconcat"].size(), 3U);
  EXPECT_NE(chart.spec.find("9 draws of the null model pattern, groups of 4"), std::string::npos);
  Json alone = pairs_document();
  alone["null"] = nullptr;
  EXPECT_EQ(Json::parse(draw("distances", alone).spec)["vconcat"].size(), 2U);
}

TEST(Figures, SeparationIsTakenFromTheSummaryAndTheNull) {
  const Json values = Json::parse(draw("separation", cluster_document()).spec)["data"]["values"];
  ASSERT_EQ(values.size(), 2U);
  EXPECT_EQ(values[0]["value"], 2.0);
  EXPECT_EQ(values[0]["low"], 1.5);
  EXPECT_EQ(values[1]["value"], 1.5);
  EXPECT_EQ(values[1]["note"], "p = 0.20");  // Holm's
}

TEST(Figures, ARatioThatDoesNotExistIsLeftOut) {
  FigureOptions options;
  options.metric = "euclidean";
  EXPECT_TRUE(Json::parse(draw("separation", cluster_document(), options).spec)["data"]["values"].empty());
  EXPECT_EQ(Json::parse(draw("within-between", cluster_document(), options).spec)["data"]["values"][1]["value"], 3.0);
}

TEST(Figures, SeveralMatricesShareOneFigure) {
  Json other = cluster_document();
  other["component"] = "fc2";
  const Chart chart =
      draw_figure("separation", {{"a", cluster_document().dump()}, {"b", other.dump()}}, FigureOptions{});
  EXPECT_EQ(Json::parse(chart.spec)["facet"]["sort"], (Json{"fc1", "fc2"}));
  EXPECT_THROW(draw_figure("distances", {{"a", pairs_document().dump()}, {"b", pairs_document().dump()}}, {}), Error);
}

TEST(Figures, ErrorsNameTheFieldWhatWasExpectedAndWhatWasFound) {
  Json document = pairs_document();
  document["cdf"][1][0] = "x";
  EXPECT_EQ(complaint("distances", document), "cdf[1][0]: expected a number in [0, 1], got \"x\"");
  document["cdf"] = Json::parse("[[0.3, 0.5], [0.2, 1.0]]");
  EXPECT_EQ(complaint("distances", document), "cdf[1]: expected distances and shares that ascend, got 0.2, 1");
  document.erase("cdf");
  EXPECT_EQ(complaint("distances", document), "the document: expected the field cdf");
  document["rows"] = 0;
  EXPECT_EQ(complaint("distances", document).substr(0, 34), "rows: expected an integer in [1, 9");
  EXPECT_EQ(complaint("distances", Json::array()), "the document: expected an object, got array of 0");
  Json clusters = cluster_document();
  clusters["summary"][0]["hamming"]["separation"]["std"] = -1;
  EXPECT_EQ(complaint("separation", clusters).substr(0, 61),
            "summary[0].hamming.separation.std: expected a number in [0, 1");
}

// Two clusters of features 4, 9 and 2; 5 rows, packed from the highest bit.
Json patterns_document() {
  return Json::parse(R"({"component": "fc1", "axis": "columns",
    "runs": [{"k": 2, "seed": 0, "feature": 4, "labels": [1, 0, 1], "indices": [4, 9, 2], "sizes": [1, 2]},
             {"k": 3, "seed": 1, "feature": 9, "labels": [0, 1, 2], "indices": [9, 4, 2], "sizes": [1, 1, 1]}],
    "patterns": {"rows": 5, "packbits": {"2": "f8", "4": "c0", "9": "08"}}})");
}

TEST(Figures, PatternsStandByCluster) {
  const Json spec = Json::parse(draw("pattern", patterns_document()).spec);
  const Json expected = Json::parse(R"([{"x": 4, "x2": 5, "y": 0, "y2": 1}, {"x": 0, "x2": 2, "y": 1, "y2": 2},
                                        {"x": 0, "x2": 5, "y": 2, "y2": 3}])");  // features 9; 4 and 2
  EXPECT_EQ(spec["layer"][0]["data"]["values"], expected);
  EXPECT_EQ(spec["layer"][1]["data"]["values"][0]["at"], 1);
}

TEST(Figures, HeatMapsHoldDistancesOrSimilarities) {
  const auto value = [](const Chart& chart, std::size_t cell) {
    return Json::parse(chart.spec)["layer"][0]["data"]["values"][cell]["value"].get<double>();
  };
  EXPECT_DOUBLE_EQ(value(draw("heatmap", patterns_document()), 1), 0.6);  // features 9 and 4: 3 of 5 rows differ
  FigureOptions options;
  options.metric = "jaccard";
  EXPECT_DOUBLE_EQ(value(draw("heatmap", patterns_document(), options), 5), 0.4);  // 4 and 2: 2 of 5
  options.k = 3;
  EXPECT_DOUBLE_EQ(value(draw("heatmap", patterns_document(), options), 2), 0.2);  // 9 and 2: 1 of 5
  options.k = 7;
  EXPECT_THROW(draw("heatmap", patterns_document(), options), Error);
}

TEST(Figures, PatternsAreHeldToTheirRows) {
  Json document = patterns_document();
  document["patterns"]["packbits"]["9"] = "0";
  EXPECT_EQ(complaint("pattern", document), "patterns.packbits.9: expected 2 digits 0-9, a-f, got \"0\"");
  document["patterns"]["packbits"].erase("9");
  EXPECT_EQ(complaint("pattern", document), "patterns.packbits: expected the field 9");
  document.erase("patterns");
  EXPECT_EQ(complaint("heatmap", document, ErrorCode::invalid_argument), "the document holds no patterns");
  document = patterns_document();
  document["runs"][0]["labels"][2] = 2;
  EXPECT_EQ(complaint("pattern", document), "runs[0].labels[2]: expected an integer in [0, 1], got 2");
  document["runs"][0]["labels"] = {0, 1};
  EXPECT_EQ(complaint("sizes", document), "runs[0].labels: expected 3 labels, got 2");
  document["runs"] = Json::array();
  EXPECT_EQ(complaint("sizes", document), "runs: expected one at least, got none");
}

TEST(Figures, GroupMetricsAreInStandardDeviationsOfChance) {
  const Json document = Json::parse(R"({"component": "fc1", "groups": [1, 2],
    "null": {"model": "columns", "draws": 9, "zeros": {"observed": 5, "mean": 4, "std": 0.5, "z": 2, "p": 0.1, "p_holm": 0.2},
             "ones": {"observed": 5, "mean": 5, "std": 0, "z": null, "p": 1}}})");
  const Json values = Json::parse(draw("groups", document).spec)["data"]["values"];
  ASSERT_EQ(values.size(), 3U);  // without z, only chance
  EXPECT_EQ(values[0]["row"], "zeros 5");
  EXPECT_EQ(values[0]["value"], 2.0);
  EXPECT_EQ(values[1]["note"], "4 ± 0.5, p = 0.20");
  Json other = document;
  other["null"].erase("zeros");
  other["null"].erase("ones");
  EXPECT_EQ(complaint("groups", other), "null: expected statistics of group metrics (zeros, ones, …), got none");
}

TEST(Figures, OrdersOfCoherenceShareOneFigureOfOneBlockSize) {
  const Json stored = Json::parse(R"({"component": "fc1", "order": "stored", "block": 8, "groups": [0, 0.5],
    "mean": 0.25, "expected_independent": 0.004, "null": {"model": "margins", "draws": 9, "mean": 0.2, "std": 0.1, "p": 0.3}})");
  Json sorted = stored;
  sorted["order"] = "order.npy";
  const Chart chart = draw_figure("coherence", {{"a", stored.dump()}, {"b", sorted.dump()}}, {});
  EXPECT_EQ(chart.data.rows[1][0].text, "order.npy");
  EXPECT_EQ(Json::parse(chart.spec)["data"]["values"].size(), 4U);
  sorted["block"] = 4;
  EXPECT_THROW(draw_figure("coherence", {{"a", stored.dump()}, {"b", sorted.dump()}}, {}), Error);
}

TEST(Figures, RanksLeaveTheFeatureItselfOut) {
  const Json document = Json::parse(R"({"component": "fc1", "feature": 7, "indices": [7, 1], "distances": [0, 0.25],
    "null": {"model": "margins", "draws": 9, "mean_distance": {"observed": 0.25, "mean": 0.5, "std": 0.1, "p": 0.1}}})");
  const Chart chart = draw("neighbours", document);
  EXPECT_EQ(Json::parse(chart.spec)["data"]["values"],
            Json::parse(R"([{"panel": "", "series": "feature 7", "x": 1.0, "y": 0.25}])"));
  EXPECT_NE(chart.spec.find("mean 0.2500, by chance 0.5000 ± 0.1000 (p = 0.10)"), std::string::npos);
}

TEST(Figures, WhatIsNoJsonIsRefused) {
  for (const auto& text : std::vector<std::string>{"", "{", "{\"a\": 1} 2", "\xFF", std::string(100, '[')}) {
    EXPECT_THROW(draw_figure("distances", {{"a", text}}, {}), Error) << text;
  }
}

TEST(Figures, UnknownKindsAndMetricsAreRefused) {
  EXPECT_THROW(draw("pie", pairs_document()), Error);
  FigureOptions options;
  options.metric = "hamming";
  EXPECT_THROW(draw("distances", pairs_document(), options), Error);
  options.metric = "manhattan";
  EXPECT_THROW(draw("separation", cluster_document(), options), Error);
  EXPECT_THROW(draw_figure("separation", {}, {}), Error);
}

Json thresholds_document() {
  return Json::parse(R"({"what": "models/tiny", "matrices": [
    {"layer": 0, "component": "mlp.up_proj", "threshold": 0.2, "sparsity": 0.5, "energy_kept": 0.9,
     "curve": [[0.25, 0.1, 0.99], [0.75, 0.3, 0.6]]},
    {"layer": 1, "component": "mlp.up_proj", "threshold": 0.4, "sparsity": 0.5, "energy_kept": 0.8, "curve": []}]})");
}

TEST(Figures, ThresholdsAreCurvesFromZeroWithRingsAtWhatWasApplied) {
  Json values = Json::parse(draw("thresholds", thresholds_document()).spec)["data"]["values"];
  ASSERT_EQ(values.size(), 6U);
  EXPECT_EQ(values[1], Json::parse(R"({"panel": "mlp.up_proj", "series": "0", "x": 0.1, "y": 0.25})"));
  EXPECT_EQ(values[3], Json::parse(R"({"mark": true, "panel": "mlp.up_proj", "series": "0", "x": 0.2, "y": 0.5})"));
  FigureOptions options;
  options.metric = "energy";
  values = Json::parse(draw("thresholds", thresholds_document(), options).spec)["data"]["values"];
  EXPECT_EQ(values[0]["y"], 1.0);
  EXPECT_EQ(values[3]["y"], 0.9);
}

TEST(Figures, ThresholdsMustAscend) {
  Json document = thresholds_document();
  document["matrices"][0]["curve"][1][0] = 0.25;
  EXPECT_EQ(complaint("thresholds", document).substr(0, 74),
            "matrices[0].curve[1]: expected sparsities that ascend, with thresholds, an");
  document["matrices"][0]["curve"] = "x";
  EXPECT_EQ(complaint("thresholds", document).substr(0, 29), "matrices[0].curve: expected a");
}

Json speed_document() {
  return Json::parse(R"({"device": "EPYC", "threads": 2, "isa": "AVX3", "kernel": "packed", "format": "bitmap",
    "dtype": "bf16", "shapes": [{"rows": 96, "cols": 64, "break_even": 0.25, "timings": [
      {"sparsity": 0, "speedup": 0.5, "ideal_speedup": 0.9}, {"sparsity": 0.5, "speedup": 1.5, "ideal_speedup": 1.75}]}]})");
}

TEST(Figures, SpeedStandsBesideTheIdealAndDenseWithARingAtBreakEven) {
  const Chart chart = draw("speed", speed_document());
  const Json values = Json::parse(chart.spec)["data"]["values"];
  ASSERT_EQ(values.size(), 7U);
  EXPECT_EQ(values[1], Json::parse(R"({"panel": "96×64", "series": "measured", "x": 0.5, "y": 1.5})"));
  EXPECT_EQ(values[2], Json::parse(R"({"mark": true, "panel": "96×64", "series": "measured", "x": 0.25, "y": 1.0})"));
  EXPECT_EQ(values[4], Json::parse(R"({"panel": "96×64", "series": "dense", "x": 0.5, "y": 1.0})"));
  EXPECT_EQ(values[6]["y"], 1.75);
  EXPECT_NE(chart.spec.find("packed rows · bf16 · EPYC, AVX3, 2 threads · rings: break-even"), std::string::npos);
}

TEST(Figures, SpeedSaysFromWhereOnAnotherFormWasMultiplied) {
  Json document = speed_document();  // of an earlier version: the timings do not say
  const auto shows = [&](const std::string& text) {
    return draw("speed", document).spec.find(text) != std::string::npos;
  };
  EXPECT_TRUE(shows("rings: break-even\""));
  Json& shapes = document["shapes"];
  for (Json& timing : shapes[0]["timings"]) timing["format"] = "bitmap";
  EXPECT_TRUE(shows("rings: break-even\""));
  shapes[0]["timings"][1]["format"] = "slices";
  EXPECT_TRUE(shows("rings: break-even · slices from 50 %\""));
  shapes.push_back(shapes[0]);
  shapes[1]["rows"] = 32;
  EXPECT_TRUE(shows("rings: break-even · slices from 50 %\""));
  shapes[1]["timings"][1]["format"] = "bitmap";
  EXPECT_TRUE(shows("rings: break-even · 96×64: slices from 50 %\""));
}

TEST(Figures, NoRingWhereTheFirstSparsityIsFasterOrNoneIs) {
  Json document = speed_document();
  for (const Json& from : {Json(0), Json(nullptr)}) {
    document["shapes"][0]["break_even"] = from;
    EXPECT_EQ(draw("speed", document).spec.find("\"mark\":true"), std::string::npos) << from;
  }
}

TEST(Figures, SeveralSpeedsAreNamedByWhatTellsThemApart) {
  Json other = speed_document();
  other["kernel"] = "activation";
  const auto spec = draw_figure("speed", {{"a", speed_document().dump()}, {"b", other.dump()}}, {}).spec;
  EXPECT_NE(spec.find("\"96×64 · packed rows\""), std::string::npos);
  EXPECT_NE(spec.find("\"96×64 · columns skipped\""), std::string::npos);
  EXPECT_NE(spec.find("\"bf16 · EPYC, AVX3, 2 threads · rings: break-even\""), std::string::npos);
}

TEST(Figures, SpeedsOfStrangersAreHeldToTheirRange) {
  Json document = speed_document();
  document["shapes"][0]["timings"][0]["sparsity"] = 1.5;
  EXPECT_EQ(complaint("speed", document).substr(0, 38), "shapes[0].timings[0].sparsity: expecte");
  document["shapes"] = 1;
  EXPECT_EQ(complaint("speed", document).substr(0, 6), "shapes");
}

Json ablation_document() {
  return Json::parse(R"({"variants": [{"label": "wanda 50%", "method": "wanda", "sparsity": 0.5, "n": 0, "m": 0},
                                      {"label": "wanda 2:4", "method": "wanda", "sparsity": 0.5, "n": 2, "m": 4},
                                      {"label": "other", "method": null, "sparsity": null, "n": 0, "m": 0}],
    "pairs": [{"projection": "up_proj", "across": "patterns", "a": "wanda 2:4", "b": "wanda 50%",
               "jaccard": {"mean": 0.7, "std": 0.1}, "cosine": {"mean": 0.8, "std": 0}, "hamming": {"mean": 0.2, "std": 0}},
              {"projection": "up_proj", "across": "variants", "a": "wanda 50%", "b": "other",
               "jaccard": {"mean": 0.4, "std": 0}, "cosine": {"mean": -0.1, "std": 0}, "hamming": {"mean": 0.6, "std": 0}}]})");
}

TEST(Figures, AblationsAreHeatMapsOfVariantsAndOfMethods) {
  const auto values = [](const Chart& chart) { return Json::parse(chart.spec)["concat"][0]["data"]["values"]; };
  const Json all = values(draw("ablation", ablation_document()));
  ASSERT_EQ(all.size(), 7U);  // three with themselves, two pairs both ways
  EXPECT_EQ(all[1], Json::parse(R"({"column": "wanda 2:4", "row": "wanda 50%", "value": 0.7})"));
  FigureOptions options;
  options.metric = "hamming";
  const Json patterns = values(draw("ablation-patterns", ablation_document(), options));
  ASSERT_EQ(patterns.size(), 1U);
  EXPECT_EQ(patterns[0], Json::parse(R"({"column": "50% and 2:4", "row": "wanda", "value": 0.2})"));
  EXPECT_EQ(complaint("ablation-sparsities", ablation_document(), ErrorCode::invalid_argument),
            "no variants were compared across sparsities");
  Json document = ablation_document();
  document["pairs"][1]["b"] = "absent";
  EXPECT_EQ(complaint("ablation", document), "pairs[1].b: expected the label of a variant, got \"absent\"");
}

}  // namespace
}  // namespace lacuna
