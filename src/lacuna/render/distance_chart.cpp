#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "lacuna/core/error.hpp"
#include "lacuna/render/chart_spec.hpp"
#include "lacuna/render/palette.hpp"
#include "lacuna/render/structure_charts.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::json;
constexpr int kWidthPx = 560;
constexpr const char* kObserved = "observed";

struct Bin {
  double low = 0.0;
  double high = 0.0;
  double share = 0.0;
};

// Bins are whole multiples of the unit, centred on multiples of it, so that no bin holds more distances than others.
std::vector<Bin> histogram(const DistanceChart& chart) {
  std::vector<Bin> bins;
  if (chart.cdf.empty()) return bins;
  const double low = chart.cdf.front().x;
  const double high = chart.cdf.back().x;
  const double unit = chart.unit > 0 ? chart.unit : std::max((high - low) / chart.bins, 1e-9);
  const double steps = std::round((high - low) / unit) + 1;
  const double width = unit * std::max(1.0, std::ceil(steps / chart.bins));
  const double start = low - unit / 2;
  const auto n = static_cast<int>(std::clamp(std::ceil((high - start) / width), 1.0, chart.bins + 1.0));
  for (int i = 0; i < n; ++i) bins.push_back({start + width * i, start + width * (i + 1), 0.0});
  double before = 0.0;
  for (const auto& point : chart.cdf) {
    const auto at = static_cast<std::size_t>(std::max(0.0, (point.x - start) / width));
    bins[std::min(at, bins.size() - 1)].share += point.y - before;
    before = point.y;
  }
  return bins;
}

Json series_colour(const DistanceChart& chart, const char* name, bool legend) {
  Json domain = Json::array({kObserved});
  Json range = Json::array({hex_colour(series_colours()[0])});
  if (!chart.band.empty()) {
    domain.push_back(chart.band_name);
    range.push_back("#9a9ca3");
  }
  Json colour = {{"datum", name}, {"type", "nominal"}, {"scale", {{"domain", domain}, {"range", range}}}};
  colour["legend"] = legend && !chart.band.empty() ? Json{{"orient", "top"},
                                                          {"title", nullptr},
                                                          {"symbolType", "square"},
                                                          {"symbolSize", 110},
                                                          {"symbolOpacity", 1}}
                                                   : Json(nullptr);
  return colour;
}

Json distance_axis(const DistanceChart& chart, const std::vector<Bin>& bins, bool titled) {
  Json x = {{"type", "quantitative"},
            {"title", titled ? Json(chart.distance_title) : Json(nullptr)},
            {"axis", {{"format", ",~f"}, {"tickCount", 8}, {"grid", false}, {"labels", titled}}}};
  if (!bins.empty()) x["scale"] = {{"domain", {bins.front().low, bins.back().high}}, {"nice", false}, {"zero", false}};
  return x;
}

Json histogram_view(const DistanceChart& chart, const std::vector<Bin>& bins) {
  Json values = Json::array();
  for (const auto& bin : bins) values.push_back({{"low", bin.low}, {"high", bin.high}, {"share", bin.share}});
  Json x = distance_axis(chart, bins, false);
  x["field"] = "low";
  const Json y = {{"field", "share"},
                  {"type", "quantitative"},
                  {"title", "share of pairs"},
                  {"axis", {{"format", "~%"}, {"tickCount", 4}}}};
  const Json tooltip = Json::array({tooltip_field("low", "from", ".4f"), tooltip_field("high", "to", ".4f"),
                                    tooltip_field("share", "share of pairs", ".2%")});
  Json layers = Json::array({{{"data", {{"values", values}}},
                              {"mark", {{"type", "bar"}, {"binSpacing", 0.5}}},
                              {"encoding",
                               {{"x", x},
                                {"x2", {{"field", "high"}}},
                                {"y", y},
                                {"y2", {{"datum", 0}}},
                                {"color", series_colour(chart, kObserved, false)},
                                {"tooltip", tooltip}}}}});
  if (chart.mean && std::isfinite(*chart.mean)) {
    const Json data = {{"values", {{{"mean", *chart.mean}, {"label", fmt::format("mean {:.4f}", *chart.mean)}}}}};
    const Json at = {{"field", "mean"}, {"type", "quantitative"}};
    layers.push_back({{"data", data},
                      {"mark", {{"type", "rule"}, {"style", "baseline"}, {"strokeDash", {2, 3}}, {"strokeWidth", 1.4}}},
                      {"encoding", {{"x", at}}}});
    layers.push_back(
        {{"data", data},
         {"mark",
          {{"type", "text"},
           {"style", "baseline-label"},
           {"align", "left"},
           {"dx", 5},
           {"baseline", "bottom"},
           {"dy", -3}}},
         {"encoding", {{"x", at}, {"y", {{"value", 0}}}, {"text", {{"field", "label"}, {"type", "nominal"}}}}}});
  }
  return {{"width", kWidthPx}, {"height", 120}, {"layer", layers}};
}

Json cumulative_view(const DistanceChart& chart, const std::vector<Bin>& bins, bool last) {
  Json observed = Json::array();
  for (const auto& point : chart.cdf) observed.push_back({{"x", point.x}, {"y", point.y}});
  Json band = Json::array();
  for (const auto& at : chart.band) band.push_back({{"x", at.distance}, {"low", at.low}, {"high", at.high}});
  Json x = distance_axis(chart, bins, last);
  x["field"] = "x";
  const Json y = {{"type", "quantitative"},
                  {"title", "pairs up to here"},
                  {"scale", {{"domain", {0, 1}}}},
                  {"axis", {{"format", "~%"}, {"tickCount", 5}}}};
  Json low = y;
  low["field"] = "low";
  Json shares = y;
  shares["field"] = "y";
  Json layers = Json::array();
  if (!band.empty()) {
    layers.push_back({{"data", {{"values", band}}},
                      {"mark", {{"type", "area"}, {"interpolate", "step-after"}, {"opacity", 0.55}}},
                      {"encoding",
                       {{"x", x},
                        {"y", low},
                        {"y2", {{"field", "high"}}},
                        {"color", series_colour(chart, chart.band_name.c_str(), true)}}}});
  }
  layers.push_back(
      {{"data", {{"values", observed}}},
       {"mark", {{"type", "line"}, {"interpolate", "step-after"}, {"strokeWidth", 1.6}}},
       {"encoding",
        {{"x", x},
         {"y", shares},
         {"color", series_colour(chart, kObserved, true)},
         {"tooltip", Json::array({tooltip_field("x", "distance", ".4f"), tooltip_field("y", "share", ".2%")})}}}});
  return {{"width", kWidthPx}, {"height", 200}, {"layer", layers}};
}

bool band_fits(const DistanceChart& chart) {
  return !chart.band.empty() && std::equal(chart.cdf.begin(), chart.cdf.end(), chart.band.begin(), chart.band.end(),
                                           [](const LinePoint& a, const DistanceBand& b) { return a.x == b.distance; });
}

// Bands of many pairs are thinner than a line: the same, less the middle of the band.
Json excess_view(const DistanceChart& chart, const std::vector<Bin>& bins) {
  Json values = Json::array();
  for (std::size_t i = 0; i < chart.cdf.size(); ++i) {
    const auto& band = chart.band[i];
    const double middle = (band.low + band.high) / 2;
    values.push_back({{"x", chart.cdf[i].x},
                      {"y", chart.cdf[i].y - middle},
                      {"low", band.low - middle},
                      {"high", band.high - middle}});
  }
  Json x = distance_axis(chart, bins, true);
  x["field"] = "x";
  Json low = {{"field", "low"},
              {"type", "quantitative"},
              {"title", "observed − chance"},
              {"axis", {{"format", "~%"}, {"tickCount", 4}}}};
  Json y = low;
  y["field"] = "y";
  const Json area = {{"mark", {{"type", "area"}, {"interpolate", "step-after"}, {"opacity", 0.55}}},
                     {"encoding",
                      {{"x", x},
                       {"y", low},
                       {"y2", {{"field", "high"}}},
                       {"color", series_colour(chart, chart.band_name.c_str(), false)}}}};
  const Json line = {
      {"mark", {{"type", "line"}, {"interpolate", "step-after"}, {"strokeWidth", 1.6}}},
      {"encoding",
       {{"x", x},
        {"y", y},
        {"color", series_colour(chart, kObserved, false)},
        {"tooltip", Json::array({tooltip_field("x", "distance", ".4f"), tooltip_field("y", "excess", "+.3%")})}}}};
  return {{"width", kWidthPx}, {"height", 110}, {"data", {{"values", values}}}, {"layer", {area, line}}};
}

Table data_table(const DistanceChart& chart) {
  Table table{{{chart.distance_title, true}, {"share of pairs at most so far apart", true}}, {}};
  const bool banded = band_fits(chart);
  if (banded) table.columns.insert(table.columns.end(), {{"band, low", true}, {"band, high", true}});
  for (std::size_t i = 0; i < chart.cdf.size(); ++i) {
    std::vector<Cell> row = {number_cell(chart.cdf[i].x, 5), percent_cell(chart.cdf[i].y, 3)};
    if (banded) row.insert(row.end(), {percent_cell(chart.band[i].low, 3), percent_cell(chart.band[i].high, 3)});
    table.rows.push_back(std::move(row));
  }
  return table;
}

void check(const DistanceChart& chart) {
  if (chart.bins < 1 || chart.bins > 1000) {
    throw Error(ErrorCode::invalid_argument, fmt::format("bins of distances: expected 1 to 1000, got {}", chart.bins));
  }
  for (std::size_t i = 0; i < chart.cdf.size(); ++i) {
    const auto& point = chart.cdf[i];
    const bool ascends = i == 0 || (point.x > chart.cdf[i - 1].x && point.y >= chart.cdf[i - 1].y);
    if (std::isfinite(point.x) && std::isfinite(point.y) && ascends) continue;
    throw Error(ErrorCode::invalid_argument,
                fmt::format("distances: expected ascending numbers, entry {} is ({}, {})", i, point.x, point.y));
  }
}

}  // namespace

Chart distance_chart(const DistanceChart& chart) {
  check(chart);
  const auto bins = histogram(chart);
  const std::string description =
      fmt::format("{}. Histogram and cumulative share of the distances of all pairs{}.", chart.title,
                  chart.band.empty() ? "" : ", with the band of " + chart.band_name);
  Json spec = base_spec(chart.title, chart.subtitle, description);
  const bool excess = band_fits(chart);
  spec["vconcat"] = Json::array({histogram_view(chart, bins), cumulative_view(chart, bins, !excess)});
  if (excess) spec["vconcat"].push_back(excess_view(chart, bins));
  spec["spacing"] = 14;
  spec["resolve"]["scale"]["color"] = "independent";
  return {chart.title, description, spec_text(spec), data_table(chart)};
}

}  // namespace lacuna
