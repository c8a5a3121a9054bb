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
constexpr std::size_t kMaxLabelled = 8;  // beyond as many methods, numbers do not fit their cells

void require_square(const SimilarityPanel& panel) {
  if (panel.values.size() == panel.labels.size() * panel.labels.size()) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("similarity panel '{}': expected {} × {} values, got {}", panel.name, panel.labels.size(),
                          panel.labels.size(), panel.values.size()));
}

template <typename Visit>
void for_each_value(const SimilarityChart& chart, Visit visit) {
  for (const auto& panel : chart.panels) {
    const std::size_t n = panel.labels.size();
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) visit(panel, i, j, panel.values[i * n + j]);
    }
  }
}

Json cell_values(const SimilarityChart& chart) {
  Json values = Json::array();
  for_each_value(chart, [&](const SimilarityPanel& panel, std::size_t i, std::size_t j, double value) {
    if (!std::isfinite(value)) return;
    values.push_back({{"panel", panel.name}, {"row", panel.labels[i]}, {"column", panel.labels[j]}, {"value", value}});
  });
  return values;
}

double lowest(const SimilarityChart& chart) {
  if (chart.low) return *chart.low;
  double low = 1.0;
  for_each_value(chart, [&](const auto&, std::size_t, std::size_t, double value) {
    if (std::isfinite(value)) low = std::min(low, value);
  });
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

Json heat_map(const SimilarityChart& chart, double low, bool labelled, int step) {
  const auto axis = [](const std::string& field, Json options) {
    return Json{
        {"field", field}, {"type", "nominal"}, {"title", nullptr}, {"sort", nullptr}, {"axis", std::move(options)}};
  };
  const Json tooltip = Json::array({tooltip_field("panel", "matrix"), tooltip_field("row", "first"),
                                    tooltip_field("column", "second"), tooltip_field("value", chart.measure, ".4f")});
  Json cells = {{"mark", {{"type", "rect"}, {"strokeWidth", 0}}},
                {"encoding", {{"color", cell_colour(chart, low)}, {"tooltip", tooltip}}}};
  Json panel = {{"width", {{"step", step}}},
                {"height", {{"step", std::min(step, 34)}}},
                {"encoding",
                 {{"x", axis("column", {{"labelAngle", -40}, {"domain", false}, {"ticks", false}})},
                  {"y", axis("row", {{"domain", false}, {"ticks", false}})}}},
                {"layer", Json::array({cells})}};
  if (!labelled) return panel;
  const Json dark = {{"test", {{"field", "value"}, {"gte", low + 0.5 * (1.0 - low)}}}, {"value", "#ffffff"}};
  panel["layer"].push_back({{"mark", {{"type", "text"}, {"fontSize", 11.5}}},
                            {"encoding",
                             {{"text", {{"field", "value"}, {"type", "quantitative"}, {"format", ".2f"}}},
                              {"color", {{"condition", dark}, {"value", "#1c1d20"}}},
                              {"tooltip", tooltip}}}});
  return panel;
}

Table data_table(const SimilarityChart& chart) {
  Table table{{{"matrix"}, {"first"}, {"second"}, {chart.measure, true}}, {}};
  for_each_value(chart, [&](const SimilarityPanel& panel, std::size_t i, std::size_t j, double value) {
    if (i >= j) return;
    table.rows.push_back(
        {text_cell(panel.name), text_cell(panel.labels[i]), text_cell(panel.labels[j]), number_cell(value, 4)});
  });
  return table;
}

}  // namespace

Chart similarity_chart(const SimilarityChart& chart) {
  std::size_t most = 1;
  for (const auto& panel : chart.panels) {
    require_square(panel);
    most = std::max(most, panel.labels.size());
  }
  const bool labelled = most <= kMaxLabelled;
  const int step = labelled ? 40 : 20;
  const double low = lowest(chart);
  const std::string description =
      fmt::format("{}. {} of every pair, in {} panels.", chart.title, chart.measure, chart.panels.size());
  Json spec = base_spec(chart.title, chart.subtitle, description);
  spec["data"]["values"] = cell_values(chart);
  const int panel_px = static_cast<int>(most) * step + 110;  // 110: the labels beside a panel
  make_panels(spec, heat_map(chart, low, labelled, step), panel_px, std::max(1, 960 / panel_px));
  spec["resolve"] = {{"scale", {{"x", "independent"}, {"y", "independent"}}}};
  return {chart.title, description, spec_text(spec), data_table(chart)};
}

}  // namespace lacuna
