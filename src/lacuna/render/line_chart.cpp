#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lacuna/render/chart.hpp"
#include "lacuna/render/chart_spec.hpp"
#include "lacuna/render/palette.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::json;
constexpr int kPanelWidth = 230;

Json line_values(const LineChart& chart, bool log) {
  Json values = Json::array();
  for (const auto& series : chart.series) {
    for (const auto& point : series.points) {
      if (!can_show(point.y, log) || !can_show(point.x, false)) continue;
      values.push_back({{"series", series.name}, {"panel", series.panel}, {"x", point.x}, {"y", point.y}});
    }
    for (const auto& mark : series.marks) {
      if (!can_show(mark.y, log) || !can_show(mark.x, false)) continue;
      values.push_back(
          {{"series", series.name}, {"panel", series.panel}, {"x", mark.x}, {"y", mark.y}, {"mark", true}});
    }
  }
  return values;
}

bool has_marks(const LineChart& chart) {
  return std::ranges::any_of(chart.series, [](const LineSeries& series) { return !series.marks.empty(); });
}

bool whole_numbers(const LineChart& chart) {
  return std::all_of(chart.series.begin(), chart.series.end(), [](const LineSeries& series) {
    return std::all_of(series.points.begin(), series.points.end(),
                       [](const LinePoint& point) { return point.x == std::floor(point.x); });
  });
}

// From light to dark; the palest part of the ramp would vanish on paper. The legend names at most nine.
Json ordered_encoding(const std::string& title, const std::vector<std::string>& names) {
  const auto ramp = density_ramp(static_cast<int>(names.size()) * 4 / 3 + 2);
  Json range = Json::array();
  Json named = Json::array();
  const std::size_t step = (names.size() + 8) / 9;
  for (std::size_t i = 0; i < names.size(); ++i) {
    range.push_back(hex_colour(ramp[ramp.size() - names.size() + i]));
    if (i % std::max<std::size_t>(step, 1) == 0 || i + 1 == names.size()) named.push_back(names[i]);
  }
  return {{"color",
           {{"field", "series"},
            {"type", "nominal"},
            {"title", title},
            {"scale", {{"domain", names}, {"range", range}}},
            {"legend",
             {{"orient", "top"}, {"values", named}, {"symbolType", "stroke"}, {"symbolSize", 160}, {"columns", 10}}}}}};
}

Json lines(const LineChart& chart, const std::vector<std::string>& names, const std::vector<double>& values, bool log,
           bool has_panels) {
  Json x_axis = {{"grid", false}, {"format", axis_format(chart.x_format)}, {"tickCount", has_panels ? 5 : 10}};
  if (chart.x_format == ValueFormat::number && whole_numbers(chart))
    x_axis.update({{"tickMinStep", 1}, {"format", ",d"}});
  Json encoding = chart.ordered ? ordered_encoding(chart.series_title, names)
                                : line_point_encoding("series", chart.series_title, names);
  if (names.size() == 1 && chart.series_title.empty()) encoding["color"]["legend"] = nullptr;
  encoding["x"] = {{"field", "x"},
                   {"type", "quantitative"},
                   {"title", chart.x_title},
                   {"scale", {{"zero", false}, {"nice", false}, {"padding", 8}}},
                   {"axis", x_axis}};
  encoding["y"] = {{"field", "y"}, {"type", "quantitative"}, {"title", chart.y_title}};
  set_value_axis(encoding["y"], values, log, chart.y_from_zero, axis_format(chart.y_format), has_panels ? 4 : 6);
  encoding["opacity"] = fade_unselected();
  encoding["tooltip"] =
      Json::array({tooltip_field("series", chart.series_title), tooltip_field("x", chart.x_title, x_axis["format"]),
                   tooltip_field("y", chart.y_title, tooltip_format(chart.y_format))});
  if (has_panels) encoding["tooltip"].insert(encoding["tooltip"].begin(), tooltip_field("panel", "matrix"));
  const Json point = chart.ordered ? Json(false) : Json{{"filled", true}, {"size", has_panels ? 28 : 45}};
  const Json line = {{"type", "line"}, {"strokeWidth", 1.8}, {"point", point}};
  if (!has_marks(chart)) return {{"params", legend_selection("series")}, {"mark", line}, {"encoding", encoding}};
  const Json ring = {{"type", "point"}, {"size", 60}, {"filled", false}, {"strokeWidth", 1.8}};
  const auto layer = [](const char* which, const Json& mark) {
    return Json{{"transform", {{{"filter", which}}}}, {"mark", mark}};
  };
  Json below = layer("!datum.mark", line);
  below["params"] = legend_selection("series");
  return {{"encoding", encoding}, {"layer", {below, layer("datum.mark", ring)}}};
}

Table data_table(const LineChart& chart, bool has_panels) {
  Table table{{{chart.series_title}, {chart.x_title, true}, {chart.y_title, true}}, {}};
  if (has_panels) table.columns.insert(table.columns.begin() + 1, {"matrix"});
  for (const auto& series : chart.series) {
    for (const auto& point : series.points) {
      std::vector<Cell> row = {text_cell(series.name), number_cell(point.x, point.x == std::floor(point.x) ? 0 : 4),
                               value_cell(point.y, chart.y_format)};
      if (has_panels) row.insert(row.begin() + 1, text_cell(series.panel));
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

}  // namespace

Chart line_chart(const LineChart& chart) {
  std::vector<double> values;
  std::vector<std::string> names;
  std::vector<std::string> panels;
  for (const auto& series : chart.series) {
    names.push_back(series.name);
    panels.push_back(series.panel);
    for (const auto& point : series.points) values.push_back(point.y);
  }
  names = distinct(names);
  panels = distinct(panels);
  const bool has_panels = panels.size() > 1;
  const bool log = use_log(chart.y_scale, values);
  const std::string description =
      fmt::format("{}. {} against {}, {} lines.", chart.title, chart.y_title, chart.x_title, names.size());
  Json spec = base_spec(chart.title, chart.subtitle, description);
  spec["data"]["values"] = line_values(chart, log);
  Json body = lines(chart, names, values, log, has_panels);
  if (has_panels) {
    body.update({{"width", kPanelWidth}, {"height", 150}});
    spec["facet"] = {{"field", "panel"}, {"type", "nominal"}, {"title", nullptr}, {"sort", panels}};
    spec["columns"] = 3;
    spec["resolve"]["axis"]["x"] = "independent";
    spec["spec"] = std::move(body);
    set_panel_width(spec, kPanelWidth + 30);
  } else {
    spec.update(body);
    set_container_width(spec, 300);
  }
  return {chart.title, description, spec_text(spec), data_table(chart, has_panels)};
}

}  // namespace lacuna
