#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lacuna/render/chart_spec.hpp"
#include "lacuna/render/palette.hpp"
#include "lacuna/render/structure_charts.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::json;
constexpr int kSidePx = 480;
const char* const kShapes[] = {"circle", "square", "triangle-up", "diamond", "cross", "triangle-down"};

std::string name_of(std::int64_t cluster) { return std::to_string(cluster + 1); }

// Colour and shape turn at different lengths, so that 24 clusters differ in at least one.
Json cluster_encoding(const std::vector<std::string>& names) {
  Json colours = Json::array();
  Json shapes = Json::array();
  for (std::size_t i = 0; i < names.size(); ++i) {
    colours.push_back(hex_colour(series_colours()[i % series_colours().size()]));
    shapes.push_back(kShapes[(i % series_colours().size() + i / series_colours().size()) % std::size(kShapes)]);
  }
  const auto channel = [&](const Json& range, const Json& legend) {
    return Json{{"field", "cluster"},
                {"type", "nominal"},
                {"title", "cluster"},
                {"scale", {{"domain", names}, {"range", range}}},
                {"legend", legend}};
  };
  const Json legend = {{"orient", "right"}, {"columns", names.size() > 16 ? 2 : 1}, {"symbolSize", 70}};
  return {{"color", channel(colours, legend)}, {"shape", channel(shapes, legend)}};
}

}  // namespace

Chart plane_chart(const PlaneChart& chart) {
  Json values = Json::array();
  std::vector<std::int64_t> clusters;
  Table table{{{"feature", true}, {"x", true}, {"y", true}, {"cluster"}}, {}};
  for (const auto& point : chart.points) {
    table.rows.push_back({count_cell(point.feature), number_cell(point.x, 4), number_cell(point.y, 4),
                          text_cell(name_of(point.cluster))});
    if (!std::isfinite(point.x) || !std::isfinite(point.y)) continue;
    clusters.push_back(point.cluster);
    values.push_back({{"x", point.x}, {"y", point.y}, {"cluster", name_of(point.cluster)}, {"feature", point.feature}});
  }
  std::sort(clusters.begin(), clusters.end());
  clusters.erase(std::unique(clusters.begin(), clusters.end()), clusters.end());
  std::vector<std::string> names;
  for (const auto cluster : clusters) names.push_back(name_of(cluster));
  const std::string description =
      fmt::format("{}. {} points in the plane, in {} clusters.", chart.title, chart.points.size(), names.size());
  Json spec = base_spec(chart.title, chart.subtitle, description);
  const auto at = [](const char* field) {
    return Json{
        {"field", field}, {"type", "quantitative"}, {"axis", nullptr}, {"scale", {{"zero", false}, {"padding", 14}}}};
  };
  Json encoding = cluster_encoding(names);
  encoding.update(
      {{"x", at("x")},
       {"y", at("y")},
       {"tooltip", Json::array({tooltip_field("feature", "feature"), tooltip_field("cluster", "cluster")})}});
  spec["width"] = kSidePx;
  spec["height"] = kSidePx;
  spec["view"]["stroke"] = "#a5a7ad";
  spec["data"]["values"] = values;
  spec["mark"] = {{"type", "point"}, {"filled", true}, {"size", 52}, {"opacity", 0.9}};
  spec["encoding"] = encoding;
  return {chart.title, description, spec_text(spec), table};
}

}  // namespace lacuna
