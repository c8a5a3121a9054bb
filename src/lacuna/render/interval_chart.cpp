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
constexpr int kRowPx = 17;  // of one series in a row

Json interval_values(const IntervalChart& chart) {
  Json values = Json::array();
  for (const auto& interval : chart.intervals) {
    if (!std::isfinite(interval.value)) continue;
    Json value = {
        {"panel", interval.panel}, {"row", interval.row}, {"series", interval.series}, {"value", interval.value}};
    value["deviation"] = 0;
    if (std::isfinite(interval.deviation) && interval.deviation > 0) {
      value["low"] = interval.value - interval.deviation;
      value["high"] = interval.value + interval.deviation;
      value["deviation"] = interval.deviation;
    }
    value["note"] = interval.note;
    values.push_back(std::move(value));
  }
  return values;
}

// Colour and shape by series, chance in grey.
Json series_encoding(const IntervalChart& chart, const std::vector<std::string>& series) {
  static const std::vector<std::string> kShapes = {"circle", "square", "triangle-up", "cross"};
  Json colours = Json::array();
  Json shapes = Json::array();
  std::size_t next = 0;
  for (const auto& name : series) {
    const bool grey = name == chart.chance;
    colours.push_back(hex_colour(grey ? series_colours()[6] : series_colours()[next % 6]));
    shapes.push_back(grey ? "diamond" : kShapes[next % kShapes.size()]);
    if (!grey) ++next;
  }
  const auto channel = [&](const Json& range) {
    return Json{{"field", "series"},
                {"type", "nominal"},
                {"title", nullptr},
                {"scale", {{"domain", series}, {"range", range}}},
                {"legend", {{"orient", "top"}, {"symbolSize", 80}}}};
  };
  return {{"color", channel(colours)}, {"shape", channel(shapes)}};
}

Json layers(const IntervalChart& chart, const std::vector<std::string>& series, const std::vector<std::string>& rows) {
  const auto at = [&](const char* field) {
    return Json{{"field", field},
                {"type", "quantitative"},
                {"title", chart.value_title},
                {"scale", {{"zero", false}, {"padding", 12}}},
                {"axis", {{"format", ",~f"}, {"tickCount", 7}, {"titleLimit", 480}}}};
  };
  const Json row = {{"field", "row"},
                    {"type", "nominal"},
                    {"title", nullptr},
                    {"sort", rows},
                    {"axis", {{"grid", false}, {"ticks", false}, {"domain", false}, {"labelLimit", 260}}}};
  const Json offset = {{"field", "series"}, {"type", "nominal"}, {"sort", series}};
  const Json channels = series_encoding(chart, series);
  const Json tooltip = Json::array({tooltip_field("row", chart.row_title), tooltip_field("series", "series"),
                                    tooltip_field("value", chart.value_title, ",.5~r"),
                                    tooltip_field("deviation", "± standard deviation", ",.3~r")});
  const Json with_whiskers = Json::array({{{"filter", {{"field", "deviation"}, {"gt", 0}}}}});
  return Json::array(
      {{{"transform", with_whiskers},
        {"mark", {{"type", "rule"}, {"strokeWidth", 2}}},
        {"encoding",
         {{"x", at("low")},
          {"x2", {{"field", "high"}}},
          {"y", row},
          {"yOffset", offset},
          {"color", channels["color"]}}}},
       {{"mark", {{"type", "point"}, {"filled", true}, {"size", 75}, {"opacity", 1}}},
        {"encoding",
         {{"x", at("value")},
          {"y", row},
          {"yOffset", offset},
          {"color", channels["color"]},
          {"shape", channels["shape"]},
          {"tooltip", tooltip}}}},
       {{"mark", {{"type", "text"}, {"style", "value-label"}, {"align", "left"}, {"dx", 8}}},
        {"encoding", {{"x", {{"value", "width"}}}, {"y", row}, {"text", {{"field", "note"}, {"type", "nominal"}}}}}}});
}

Table data_table(const IntervalChart& chart, bool panels) {
  Table table{{{chart.row_title}, {"series"}, {chart.value_title, true}, {"± standard deviation", true}}, {}};
  if (panels) table.columns.insert(table.columns.begin(), {"matrix"});
  table.columns.push_back({chart.note_title});
  for (const auto& interval : chart.intervals) {
    std::vector<Cell> row = {text_cell(interval.row), text_cell(interval.series), number_cell(interval.value, 5),
                             interval.deviation > 0 ? number_cell(interval.deviation, 5) : text_cell("–"),
                             text_cell(interval.note.empty() ? "–" : interval.note)};
    if (panels) row.insert(row.begin(), text_cell(interval.panel));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

Chart interval_chart(const IntervalChart& chart) {
  std::vector<std::string> panels;
  std::vector<std::string> rows;
  std::vector<std::string> series;
  for (const auto& interval : chart.intervals) {
    panels.push_back(interval.panel);
    rows.push_back(interval.row);
    series.push_back(interval.series);
  }
  panels = distinct(panels);
  rows = distinct(rows);
  series = distinct(series);
  const std::string description = fmt::format("{}. {} of {} rows, {} in each.", chart.title, chart.value_title,
                                              panels.size() * rows.size(), fmt::join(series, " and "));
  Json spec = base_spec(chart.title, chart.subtitle, description);
  spec["data"]["values"] = interval_values(chart);
  const int height =
      static_cast<int>(rows.size()) * (kRowPx * static_cast<int>(std::max<std::size_t>(series.size(), 1)) + 12);
  if (panels.size() > 1) {
    spec["spec"] = {{"width", 500}, {"height", height}, {"layer", layers(chart, series, rows)}};
    spec["facet"] = {{"field", "panel"},
                     {"type", "nominal"},
                     {"title", nullptr},
                     {"sort", panels},
                     {"header", {{"labelAnchor", "start"}, {"labelPadding", 4}, {"labelLimit", 560}}}};
    spec["columns"] = 1;
    spec["spacing"] = 14;
    set_panel_width(spec, 400);
  } else {
    spec["layer"] = layers(chart, series, rows);
    set_container_width(spec, height);
  }
  return {chart.title, description, spec_text(spec), data_table(chart, panels.size() > 1)};
}

}  // namespace lacuna
