#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lacuna/core/error.hpp"
#include "lacuna/render/chart.hpp"
#include "lacuna/render/chart_spec.hpp"
#include "lacuna/render/palette.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::json;
constexpr int kMaxLabelPx = 160;
constexpr std::size_t kMaxLabelled = 8;  // beyond as many methods, numbers do not fit their cells

void require_full(const SimilarityPanel& panel) {
  if (panel.values.size() == panel.labels.size() * panel.column_labels().size()) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("similarity panel '{}': expected {} × {} values, got {}", panel.name, panel.labels.size(),
                          panel.column_labels().size(), panel.values.size()));
}

template <typename Visit>
void for_each_value(const SimilarityPanel& panel, Visit visit) {
  const std::size_t n = panel.column_labels().size();
  for (std::size_t i = 0; i < panel.labels.size(); ++i) {
    for (std::size_t j = 0; j < n; ++j) visit(i, j, panel.values[i * n + j]);
  }
}

Json cell_values(const SimilarityPanel& panel) {
  Json values = Json::array();
  for_each_value(panel, [&](std::size_t i, std::size_t j, double value) {
    if (std::isfinite(value))
      values.push_back({{"row", panel.labels[i]}, {"column", panel.column_labels()[j]}, {"value", value}});
  });
  return values;
}

double lowest(const SimilarityChart& chart) {
  if (chart.low) return *chart.low;
  double low = 1.0;
  for (const auto& panel : chart.panels) {
    for_each_value(panel, [&](std::size_t, std::size_t, double value) {
      if (std::isfinite(value)) low = std::min(low, value);
    });
  }
  return std::min(std::floor(low * 10.0) / 10.0, 0.9);
}

Json cell_colour(const SimilarityChart& chart, double low) {
  Json range = Json::array();
  for (const Rgb colour : density_ramp(12)) range.push_back(hex_colour(colour));
  return {{"field", "value"},
          {"type", "quantitative"},
          {"title", chart.measure},
          {"scale", {{"domain", {low, 1.0}}, {"range", range}, {"clamp", true}}},
          {"legend", {{"orient", "bottom"}, {"direction", "horizontal"}, {"gradientLength", 220}, {"format", "~f"}}}};
}

// From which share of the ramp on white letters are easier to read than dark ones.
double dark_from() {
  constexpr int kSteps = 100;
  constexpr double kLightness = 0.59;  // of OKLab: there both have the same contrast, 4.1 : 1
  const auto ramp = density_ramp(kSteps + 1);
  const auto dark = std::find_if(ramp.begin(), ramp.end(), [](Rgb colour) { return to_oklab(colour)[0] < kLightness; });
  return static_cast<double>(dark - ramp.begin()) / kSteps;
}

Json heat_map(const SimilarityChart& chart, const SimilarityPanel& panel, double low, bool labelled, int step) {
  const auto axis = [&](const std::string& field, const std::vector<std::string>& names, Json options) {
    options.update({{"domain", false}, {"ticks", false}, {"labelLimit", kMaxLabelPx}});
    return Json{{"field", field},
                {"type", "nominal"},
                {"title", nullptr},
                {"axis", std::move(options)},
                {"scale", {{"domain", names}}}};
  };
  const Json tooltip = Json::array(
      {tooltip_field("row", "first"), tooltip_field("column", "second"), tooltip_field("value", chart.measure, ".4f")});
  Json map = {{"title", {{"text", panel.name}, {"fontSize", 12.5}, {"offset", 8}, {"limit", 280}}},
              {"data", {{"values", cell_values(panel)}}},
              {"width", {{"step", step}}},
              {"height", {{"step", std::min(step, 34)}}},
              {"encoding",
               {{"x", axis("column", panel.column_labels(), {{"labelAngle", -40}})},
                {"y", axis("row", panel.labels, Json::object())},
                {"tooltip", tooltip}}},
              {"layer", Json::array({{{"mark", {{"type", "rect"}, {"strokeWidth", 0}}},
                                      {"encoding", {{"color", cell_colour(chart, low)}}}}})}};
  if (!labelled) return map;
  const Json light = {{"test", {{"field", "value"}, {"gte", low + dark_from() * (1.0 - low)}}}, {"value", "#ffffff"}};
  map["layer"].push_back({{"mark", {{"type", "text"}, {"fontSize", 11.5}}},
                          {"encoding",
                           {{"text", {{"field", "value"}, {"type", "quantitative"}, {"format", ".2f"}}},
                            {"color", {{"condition", light}, {"value", "#1c1d20"}}}}}});
  return map;
}

Table data_table(const SimilarityChart& chart) {
  Table table{{{"matrix"}, {"first"}, {"second"}, {chart.measure, true}}, {}};
  for (const auto& panel : chart.panels) {
    for_each_value(panel, [&](std::size_t i, std::size_t j, double value) {
      if (panel.columns.empty() ? i >= j : !std::isfinite(value)) return;
      table.rows.push_back({text_cell(panel.name), text_cell(panel.labels[i]), text_cell(panel.column_labels()[j]),
                            number_cell(value, 4)});
    });
  }
  return table;
}

}  // namespace

Chart similarity_chart(const SimilarityChart& chart) {
  std::size_t most = 1;
  std::size_t longest = 1;
  for (const auto& panel : chart.panels) {
    require_full(panel);
    most = std::max(most, panel.column_labels().size());
    for (const auto& label : panel.labels) longest = std::max(longest, label.size());
  }
  const bool labelled = most <= kMaxLabelled;
  const int step = labelled ? 38 : 20;
  const double low = lowest(chart);
  const std::string description =
      fmt::format("{}. {} of every pair, in {} panels.", chart.title, chart.measure, chart.panels.size());
  Json spec = base_spec(chart.title, chart.subtitle, description);
  spec["concat"] = Json::array();
  for (const auto& panel : chart.panels) spec["concat"].push_back(heat_map(chart, panel, low, labelled, step));
  const int label_px = static_cast<int>(std::min<std::size_t>(longest * 7, kMaxLabelPx));
  const int panel_px = static_cast<int>(most) * step + label_px + 25;
  spec["columns"] = std::max(1, 960 / panel_px);
  spec["resolve"]["scale"]["color"] = "shared";
  set_panel_width(spec, panel_px);
  return {chart.title, description, spec_text(spec), data_table(chart)};
}

}  // namespace lacuna
