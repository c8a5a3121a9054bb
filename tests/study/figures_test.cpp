#include "lacuna/study/figures/figures.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::ordered_json;

Json pairs_document() {
  return Json::parse(R"({"layer": 3, "component": "mlp.up_proj", "method": "wanda", "sparsity": 0.5, "features": 3,
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

TEST(Figures, WhatIsNoJsonIsRefused) {
  for (const std::string text : {"", "{", "{\"a\": 1} 2", "\xFF", std::string(100, '[').c_str()}) {
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

}  // namespace
}  // namespace lacuna
