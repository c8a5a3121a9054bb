#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lacuna/render/chart.hpp"
#include "lacuna/render/chart_spec.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::json;

Json bar_values(const BarChart& chart) {
  Json values = Json::array();
  for (const auto& bar : chart.bars) {
    if (!can_show(bar.value, false)) continue;
    values.push_back({{"category", bar.category}, {"series", bar.series}, {"value", bar.value}});
  }
  return values;
}

Table data_table(const BarChart& chart, bool grouped) {
  Table table{{{chart.category_title}, {chart.value_title, true}}, {}};
  if (grouped) table.columns.insert(table.columns.begin() + 1, {chart.series_title});
  for (const auto& bar : chart.bars) {
    std::vector<Cell> row = {text_cell(bar.category), value_cell(bar.value, chart.value_format)};
    if (grouped) row.insert(row.begin() + 1, text_cell(bar.series));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

Chart bar_chart(const BarChart& chart) {
  std::vector<std::string> names;
  std::vector<std::string> categories;
  for (const auto& bar : chart.bars) {
    names.push_back(bar.series);
    categories.push_back(bar.category);
  }
  names = distinct(names);
  const bool grouped = names.size() > 1;
  const std::string description =
      fmt::format("{}. Bars of {}, {} in all.", chart.title, chart.value_title, chart.bars.size());

  Json spec = base_spec(chart.title, chart.subtitle, description);
  Json encoding = {{"y",
                    {{"field", "category"},
                     {"type", "nominal"},
                     {"title", nullptr},
                     {"sort", nullptr},
                     {"axis", {{"labelLimit", 260}, {"ticks", false}, {"domain", false}}}}},
                   {"x",
                    {{"field", "value"},
                     {"type", "quantitative"},
                     {"title", chart.value_title},
                     {"axis", {{"format", axis_format(chart.value_format)}, {"tickCount", 6}}}}}};
  Json tooltip = Json::array({tooltip_field("category", chart.category_title)});
  if (grouped) {
    encoding.update(colour_encoding("series", chart.series_title, names));
    encoding["yOffset"] = {{"field", "series"}, {"type", "nominal"}, {"sort", names}};
    tooltip.push_back(tooltip_field("series", chart.series_title));
  }
  tooltip.push_back(tooltip_field("value", chart.value_title, tooltip_format(chart.value_format)));
  encoding["tooltip"] = tooltip;
  const std::string label_format = chart.value_format == ValueFormat::percent ? ".1%" : ",.4~r";
  const Json label = {{"field", "value"}, {"type", "quantitative"}, {"format", label_format}};
  spec["data"]["values"] = bar_values(chart);
  spec["encoding"] = encoding;
  spec["layer"] = Json::array({{{"mark", {{"type", "bar"}, {"cornerRadiusEnd", 2}}}},
                               {{"mark", {{"type", "text"}, {"style", "value-label"}, {"align", "left"}, {"dx", 5}}},
                                {"encoding", {{"text", label}, {"color", nullptr}}}}});
  const int row_px = grouped ? 18 * static_cast<int>(names.size()) + 12 : 28;
  set_container_width(spec, row_px * static_cast<int>(std::max<std::size_t>(distinct(categories).size(), 1)));
  return {chart.title, description, spec_text(spec), data_table(chart, grouped)};
}

}  // namespace lacuna
