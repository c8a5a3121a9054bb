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
constexpr int kRowPx = 58;
constexpr const char* kMean = "mean";
constexpr const char* kChance = "mean by chance";

Json strip_values(const StripChart& chart) {
  Json values = Json::array();
  for (const auto& strip : chart.strips) {
    for (const double value : strip.values) {
      if (std::isfinite(value)) values.push_back({{"row", strip.name}, {"value", value}});
    }
  }
  return values;
}

Json mean_values(const StripChart& chart) {
  Json values = Json::array();
  const auto add = [&](const Strip& strip, const char* series, double mean, double deviation, const std::string& note) {
    if (!std::isfinite(mean)) return;
    Json value = {{"row", strip.name}, {"series", series}, {"value", mean}, {"deviation", deviation}, {"note", note}};
    if (deviation > 0) value.update({{"low", mean - deviation}, {"high", mean + deviation}});
    values.push_back(std::move(value));
  };
  for (const auto& strip : chart.strips) {
    add(strip, kMean, strip.mean, 0.0, strip.note);
    if (strip.chance_mean) add(strip, kChance, *strip.chance_mean, strip.chance_deviation, "");
  }
  return values;
}

Json series_channel(const Json& range, const std::vector<std::string>& series, const std::string& item) {
  return {{"field", "series"},
          {"type", "nominal"},
          {"title", nullptr},
          {"scale", {{"domain", series}, {"range", range}}},
          {"legend",
           {{"orient", "top"},
            {"offset", 30},
            {"symbolSize", 80},
            {"title", item.empty() ? Json(nullptr) : Json("thin lines: " + item)},
            {"titleOrient", "left"}}}};
}

Json layers(const StripChart& chart, const std::vector<std::string>& rows) {
  const auto at = [&](const char* field) {
    return Json{{"field", field},
                {"type", "quantitative"},
                {"title", chart.value_title},
                {"scale", {{"zero", true}}},
                {"axis", {{"format", ",~f"}, {"tickCount", 7}, {"titleLimit", 480}}}};
  };
  const Json row = {{"field", "row"},
                    {"type", "nominal"},
                    {"title", nullptr},
                    {"sort", rows},
                    {"axis", {{"grid", false}, {"ticks", false}, {"domain", false}, {"labelLimit", 280}}}};
  const std::vector<std::string> series = {kMean, kChance};
  const Json colour = series_channel({"#d55e00", "#595959"}, series, chart.item_name);
  const Json shape = series_channel({"circle", "diamond"}, series, chart.item_name);
  const Json offset = {{"field", "series"}, {"type", "nominal"}, {"sort", series}, {"scale", {{"paddingOuter", 0.55}}}};
  const Json tooltip = Json::array({tooltip_field("row", chart.row_title), tooltip_field("series", "what"),
                                    tooltip_field("value", chart.value_title, ",.5~r"),
                                    tooltip_field("deviation", "± standard deviation", ",.3~r")});
  return Json::array(
      {{{"data", {{"values", strip_values(chart)}}},
        {"mark",
         {{"type", "tick"},
          {"size", kRowPx - 22},
          {"thickness", 1},
          {"opacity", 0.45},
          {"color", hex_colour(series_colours()[5])}}},
        {"encoding", {{"x", at("value")}, {"y", row}}}},
       {{"transform", {{{"filter", {{"field", "deviation"}, {"gt", 0}}}}}},
        {"mark", {{"type", "rule"}, {"strokeWidth", 2.4}}},
        {"encoding",
         {{"x", at("low")}, {"x2", {{"field", "high"}}}, {"y", row}, {"yOffset", offset}, {"color", colour}}}},
       {{"mark",
         {{"type", "point"},
          {"filled", true},
          {"size", 80},
          {"opacity", 1},
          {"stroke", "#ffffff"},
          {"strokeWidth", 0.8}}},
        {"encoding",
         {{"x", at("value")},
          {"y", row},
          {"yOffset", offset},
          {"color", colour},
          {"shape", shape},
          {"tooltip", tooltip}}}},
       {{"mark", {{"type", "text"}, {"style", "value-label"}, {"align", "left"}, {"dx", 8}}},
        {"encoding", {{"x", {{"value", "width"}}}, {"y", row}, {"text", {{"field", "note"}, {"type", "nominal"}}}}}}});
}

void add_reference(Json& layer, double reference, const std::string& name) {
  const Json data = {{"values", {{{"at", reference}, {"name", name}}}}};
  const Json x = {{"field", "at"}, {"type", "quantitative"}};
  layer.push_back({{"data", data},
                   {"mark", {{"type", "rule"}, {"style", "baseline"}, {"strokeDash", {4, 3}}, {"strokeWidth", 1.4}}},
                   {"encoding", {{"x", x}}}});
  layer.push_back(
      {{"data", data},
       {"mark",
        {{"type", "text"},
         {"style", "baseline-label"},
         {"align", "left"},
         {"baseline", "bottom"},
         {"dx", 4},
         {"dy", -3}}},
       {"encoding", {{"x", x}, {"y", {{"value", 0}}}, {"text", {{"field", "name"}, {"type", "nominal"}}}}}});
}

Table data_table(const StripChart& chart) {
  Table table{{{chart.row_title},
               {"values", true},
               {"mean", true},
               {"by chance", true},
               {"± standard deviation", true},
               {"note"}},
              {}};
  for (const auto& strip : chart.strips) {
    table.rows.push_back({text_cell(strip.name), count_cell(static_cast<std::int64_t>(strip.values.size())),
                          number_cell(strip.mean, 6),
                          strip.chance_mean ? number_cell(*strip.chance_mean, 6) : text_cell("–"),
                          strip.chance_mean ? number_cell(strip.chance_deviation, 6) : text_cell("–"),
                          text_cell(strip.note.empty() ? "–" : strip.note)});
  }
  return table;
}

}  // namespace

Chart strip_chart(const StripChart& chart) {
  std::vector<std::string> rows;
  for (const auto& strip : chart.strips) rows.push_back(strip.name);
  rows = distinct(rows);
  const std::string description =
      fmt::format("{}. {} in {} rows, each with its mean.", chart.title, chart.value_title, rows.size());
  Json spec = base_spec(chart.title, chart.subtitle, description);
  spec["data"]["values"] = mean_values(chart);
  spec["layer"] = layers(chart, rows);
  if (chart.reference && std::isfinite(*chart.reference)) {
    add_reference(spec["layer"], *chart.reference, chart.reference_name);
  }
  set_container_width(spec, kRowPx * static_cast<int>(std::max<std::size_t>(rows.size(), 1)));
  return {chart.title, description, spec_text(spec), data_table(chart)};
}

}  // namespace lacuna
