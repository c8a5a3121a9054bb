#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lacuna/core/error.hpp"
#include "lacuna/render/chart_spec.hpp"
#include "lacuna/render/palette.hpp"
#include "lacuna/render/pattern_charts.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::json;
constexpr const char* kInk = "#1c1d20";
constexpr const char* kBoundary = "#d55e00";
constexpr int kSidePx = 512;
constexpr int kNamesPx = 26;  // beside the axis, for the names of groups

// Whole pixels for a cell, so that cells have sharp edges.
int cell_px(std::int64_t n, int most) {
  return std::clamp(static_cast<int>(kSidePx / std::max<std::int64_t>(n, 1)), 1, most);
}

void require(bool holds, const std::string& message) {
  if (!holds) throw Error(ErrorCode::invalid_argument, message);
}

void check_groups(const std::vector<FeatureGroupLabel>& groups, std::int64_t n) {
  std::int64_t sum = 0;
  for (const auto& group : groups) {
    require(group.count >= 0 && group.count <= n, fmt::format("groups of features: got one of {}", group.count));
    sum += group.count;
  }
  require(groups.empty() || sum == n, fmt::format("groups of features: expected {} in all, got {}", n, sum));
}

struct Boundaries {
  Json edges = Json::array();   // {"at"}: between two groups
  Json labels = Json::array();  // {"at", "name"}: the middle of each
};

// Names of small groups would run into each other: one that comes closer to the last than `apart` features is left out.
Boundaries boundaries_of(const std::vector<FeatureGroupLabel>& groups, double apart) {
  Boundaries boundaries;
  std::int64_t start = 0;
  double last = -INFINITY;
  for (const auto& group : groups) {
    if (group.count == 0) continue;
    if (start > 0) boundaries.edges.push_back({{"at", start}});
    const double middle = static_cast<double>(start) + static_cast<double>(group.count) / 2;
    if (middle - last >= apart) {
      boundaries.labels.push_back({{"at", middle}, {"name", group.name}});
      last = middle;
    }
    start += group.count;
  }
  return boundaries;
}

Json position(const std::string& field, std::int64_t n, bool reverse, const Json& axis) {
  return {{"field", field},
          {"type", "quantitative"},
          {"scale",
           {{"domain", {0, std::max<std::int64_t>(n, 1)}}, {"nice", false}, {"zero", false}, {"reverse", reverse}}},
          {"axis", axis}};
}

Json text_layer(const Json& data, const Json& encoding, Json mark) {
  mark.update({{"type", "text"}, {"style", "value-label"}});
  return {{"data", {{"values", data}}}, {"mark", mark}, {"encoding", encoding}};
}

// Axis titles as parts of the axes: a quantitative axis without ticks.
Json bare_axis(const std::string& title, int padding) {
  return {{"title", title},  {"labels", false},         {"ticks", false},       {"grid", false},
          {"domain", false}, {"titlePadding", padding}, {"titleLimit", kSidePx}};
}

// Boundaries between groups of lines, and their names left of them.
void add_line_groups(Json& layers, const std::vector<FeatureGroupLabel>& groups, std::int64_t n, int px,
                     const Json& x_axis, const Json& y_axis) {
  const auto boundaries = boundaries_of(groups, 14.0 / px);
  const Json y = position("at", n, true, y_axis);
  const Json rule = {{"type", "rule"}, {"color", kBoundary}, {"strokeWidth", 1}};
  layers.push_back({{"data", {{"values", boundaries.edges}}}, {"mark", rule}, {"encoding", {{"y", y}}}});
  layers.push_back(text_layer(boundaries.labels,
                              {{"y", y}, {"x", {{"value", 0}}}, {"text", {{"field", "name"}, {"type", "nominal"}}}},
                              {{"align", "right"}, {"baseline", "middle"}, {"dx", -6}, {"limit", 60}}));
  if (x_axis.is_null()) return;
  const Json x = position("at", n, false, x_axis);
  const Json names = boundaries_of(groups, 22.0 / px).labels;
  layers.push_back({{"data", {{"values", boundaries.edges}}}, {"mark", rule}, {"encoding", {{"x", x}}}});
  layers.push_back(
      text_layer(names, {{"x", x}, {"y", {{"value", "height"}}}, {"text", {{"field", "name"}, {"type", "nominal"}}}},
                 {{"align", "center"}, {"baseline", "top"}, {"dy", 6}, {"limit", 60}}));
}

// Runs of kept entries, one rectangle each.
Json runs_of(const PatternChart& chart) {
  Json runs = Json::array();
  for (std::size_t line = 0; line < chart.kept.size(); ++line) {
    const auto& kept = chart.kept[line];
    for (std::size_t start = 0; start < kept.size(); ++start) {
      if (!kept[start]) continue;
      std::size_t end = start;
      while (end < kept.size() && kept[end]) ++end;
      runs.push_back({{"x", start}, {"x2", end}, {"y", line}, {"y2", line + 1}});
      start = end;
    }
  }
  return runs;
}

double largest_off_diagonal(const HeatMapChart& chart, double sign) {
  double most = -INFINITY;
  for (std::int64_t i = 0; i < chart.n; ++i) {
    for (std::int64_t j = 0; j < chart.n; ++j) {
      const double value = sign * chart.values[static_cast<std::size_t>(i * chart.n + j)];
      if (i != j && std::isfinite(value)) most = std::max(most, value);
    }
  }
  return sign * most;
}

// Cells reach a little into the next, so that no light shines through between them.
Json cells_of(const HeatMapChart& chart) {
  constexpr double kOverlap = 0.12;
  Json cells = Json::array();
  const auto end = [&](std::int64_t at) {
    return std::min(static_cast<double>(at + 1) + kOverlap, static_cast<double>(chart.n));
  };
  for (std::int64_t i = 0; i < chart.n; ++i) {
    for (std::int64_t j = 0; j < chart.n; ++j) {
      const double value = chart.values[static_cast<std::size_t>(i * chart.n + j)];
      if (!std::isfinite(value)) continue;
      cells.push_back({{"x", j}, {"x2", end(j)}, {"y", i}, {"y2", end(i)}, {"value", value}});
    }
  }
  return cells;
}

Json heat_colour(const HeatMapChart& chart) {
  Json range = Json::array();
  for (const Rgb colour : density_ramp(24)) range.push_back(hex_colour(colour));
  Json scale = {{"range", range}, {"clamp", true}};
  if (chart.n > 1) {
    const double low = largest_off_diagonal(chart, -1);
    const double high = largest_off_diagonal(chart, 1);
    if (std::isfinite(low) && low < high) scale["domain"] = {low, high};
  }
  return {{"field", "value"},
          {"type", "quantitative"},
          {"scale", scale},
          {"legend",
           {{"title", chart.measure},
            {"orient", "right"},
            {"gradientLength", 200},
            {"titleLimit", 200},
            {"format", ",~f"}}}};
}

Json cell_layer(const Json& values, std::int64_t columns, std::int64_t lines, const Json& x_axis, const Json& y_axis) {
  const Json x = position("x", columns, false, x_axis);
  const Json y = position("y", lines, true, y_axis);
  return {{"data", {{"values", values}}},
          {"mark", {{"type", "rect"}}},
          {"encoding", {{"x", x}, {"x2", {{"field", "x2"}}}, {"y", y}, {"y2", {{"field", "y2"}}}}}};
}

}  // namespace

Chart pattern_chart(const PatternChart& chart) {
  const auto n = static_cast<std::int64_t>(chart.kept.size());
  require(chart.n_columns >= 0 && n * chart.n_columns <= kMaxPatternCells,
          fmt::format("a pattern: expected at most {} entries, got {} × {}", kMaxPatternCells, n, chart.n_columns));
  for (const auto& line : chart.kept) {
    require(static_cast<std::int64_t>(line.size()) == chart.n_columns,
            fmt::format("a pattern: expected lines of {} entries, got one of {}", chart.n_columns, line.size()));
  }
  check_groups(chart.groups, n);
  const std::string description = fmt::format("{}. {} features in lines, {} entries each; dark where one is kept.",
                                              chart.title, n, chart.n_columns);
  Json spec = base_spec(chart.title, chart.subtitle, description);
  const Json y_axis = bare_axis(chart.feature_title, kNamesPx);
  Json cells = cell_layer(runs_of(chart), chart.n_columns, n, bare_axis(chart.column_title, 10), y_axis);
  cells["mark"]["color"] = kInk;
  spec["layer"] = Json::array({cells});
  const int px = std::min(cell_px(n, 8), cell_px(chart.n_columns, 8));
  if (!chart.groups.empty()) add_line_groups(spec["layer"], chart.groups, n, px, nullptr, y_axis);
  spec["width"] = px * std::max<std::int64_t>(chart.n_columns, 1);
  spec["height"] = px * std::max<std::int64_t>(n, 1);
  spec["view"]["stroke"] = "#a5a7ad";
  Table table{{{"feature"}, {"kept", true}, {"of", true}}, {}};
  for (std::size_t line = 0; line < chart.kept.size(); ++line) {
    table.rows.push_back({text_cell(std::to_string(line)),
                          count_cell(std::count(chart.kept[line].begin(), chart.kept[line].end(), true)),
                          count_cell(chart.n_columns)});
  }
  return {chart.title, description, spec_text(spec), table};
}

Chart heat_map_chart(const HeatMapChart& chart) {
  require(chart.n >= 0 && chart.n * chart.n <= kMaxPatternCells,
          fmt::format("a heat map: expected at most {} cells, got {} × {}", kMaxPatternCells, chart.n, chart.n));
  require(static_cast<std::int64_t>(chart.values.size()) == chart.n * chart.n,
          fmt::format("a heat map: expected {} values, got {}", chart.n * chart.n, chart.values.size()));
  check_groups(chart.groups, chart.n);
  const std::string description =
      fmt::format("{}. {} of {} features, each with each.", chart.title, chart.measure, chart.n);
  Json spec = base_spec(chart.title, chart.subtitle, description);
  const bool named = !chart.groups.empty();
  const Json x_axis = bare_axis(chart.feature_title, named ? kNamesPx : 10);
  Json cells = cell_layer(cells_of(chart), chart.n, chart.n, x_axis, x_axis);
  cells["encoding"]["color"] = heat_colour(chart);
  spec["layer"] = Json::array({cells});
  const int px = cell_px(chart.n, 24);
  if (!chart.groups.empty()) add_line_groups(spec["layer"], chart.groups, chart.n, px, x_axis, x_axis);
  spec["width"] = px * std::max<std::int64_t>(chart.n, 1);
  spec["height"] = spec["width"];
  spec["view"]["stroke"] = "#a5a7ad";
  Table table{{{"group"}, {"features", true}}, {}};
  for (const auto& group : chart.groups) table.rows.push_back({text_cell(group.name), count_cell(group.count)});
  return {chart.title, description, spec_text(spec), table};
}

}  // namespace lacuna
