#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "lacuna/core/error.hpp"
#include "lacuna/render/chart.hpp"
#include "lacuna/render/chart_spec.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::json;

struct Summary {
  std::string name;
  std::vector<double> sorted;  // finite values
  double mean = NAN;
  double deviation = NAN;  // population

  // Linear between neighbours, as numpy.quantile does.
  double quantile(double q) const {
    if (sorted.empty()) return NAN;
    const double at = q * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
  }
};

Summary summarise(const Distribution& distribution) {
  Summary summary{distribution.name, {}};
  for (const double value : distribution.values) {
    if (std::isfinite(value)) summary.sorted.push_back(value);
  }
  if (summary.sorted.empty()) return summary;
  std::sort(summary.sorted.begin(), summary.sorted.end());
  const auto n = static_cast<double>(summary.sorted.size());
  summary.mean = std::accumulate(summary.sorted.begin(), summary.sorted.end(), 0.0) / n;
  double squares = 0;
  for (const double value : summary.sorted) squares += (value - summary.mean) * (value - summary.mean);
  summary.deviation = std::sqrt(squares / n);
  return summary;
}

// Equal bins over all distributions. The last one includes its upper end.
struct Bins {
  double low = 0;
  double width = 1;
  int n = 1;

  double edge(int bin) const { return low + width * bin; }
  int bin_of(double value) const { return std::clamp(static_cast<int>((value - low) / width), 0, n - 1); }
};

Bins shared_bins(const std::vector<Summary>& summaries, int n) {
  double low = INFINITY;
  double high = -INFINITY;
  for (const auto& summary : summaries) {
    if (summary.sorted.empty()) continue;
    low = std::min(low, summary.sorted.front());
    high = std::max(high, summary.sorted.back());
  }
  if (!(low <= high)) return {0.0, 1.0, 1};
  if (low == high) return {low - 0.5, 1.0, 1};
  return {low, (high - low) / n, n};
}

std::vector<std::int64_t> bin_counts(const Summary& summary, const Bins& bins) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(bins.n), 0);
  for (const double value : summary.sorted) ++counts[static_cast<std::size_t>(bins.bin_of(value))];
  return counts;
}

double share(std::int64_t count, const Summary& summary) {
  return static_cast<double>(count) / static_cast<double>(std::max<std::size_t>(summary.sorted.size(), 1));
}

// Outlines: one point at the start of each bin, and a closing one.
Json outline_values(const std::vector<Summary>& summaries, const Bins& bins) {
  Json values = Json::array();
  for (const auto& summary : summaries) {
    const auto counts = bin_counts(summary, bins);
    values.push_back({{"series", summary.name}, {"x", bins.low}, {"share", 0.0}});
    for (int bin = 0; bin < bins.n; ++bin) {
      values.push_back({{"series", summary.name},
                        {"x", bins.edge(bin)},
                        {"share", share(counts[static_cast<std::size_t>(bin)], summary)}});
    }
    values.push_back({{"series", summary.name}, {"x", bins.edge(bins.n)}, {"share", 0.0}});
  }
  return values;
}

// One invisible column per bin carries the tooltip of all series.
Json bin_values(const std::vector<Summary>& summaries, const Bins& bins) {
  std::vector<std::vector<std::int64_t>> counts;
  counts.reserve(summaries.size());
  for (const auto& summary : summaries) counts.push_back(bin_counts(summary, bins));
  Json values = Json::array();
  for (int bin = 0; bin < bins.n; ++bin) {
    std::string text = fmt::format("{:.4g} to {:.4g}", bins.edge(bin), bins.edge(bin + 1));
    for (std::size_t s = 0; s < summaries.size(); ++s) {
      const std::int64_t count = counts[s][static_cast<std::size_t>(bin)];
      text +=
          fmt::format("\n{}: {} ({})", summaries[s].name, percent_text(share(count, summaries[s])), count_text(count));
    }
    values.push_back({{"from", bins.edge(bin)}, {"to", bins.edge(bin + 1)}, {"text", text}});
  }
  return values;
}

void add_histogram(Json& spec, const DistributionChart& chart, const std::vector<Summary>& summaries,
                   const std::vector<std::string>& names) {
  const Bins bins = shared_bins(summaries, chart.bins);
  const Json x = {{"field", "x"},
                  {"type", "quantitative"},
                  {"title", chart.value_title},
                  {"scale", {{"zero", false}, {"nice", false}}},
                  {"axis", {{"grid", false}, {"format", ",~f"}, {"tickCount", 8}}}};
  const Json y = {{"field", "share"},
                  {"type", "quantitative"},
                  {"title", "share of " + chart.item_name},
                  {"axis", {{"format", "~%"}, {"tickCount", 5}}}};
  Json encoding = line_encoding("series", chart.series_title, names);
  const Json dash = encoding["strokeDash"];
  encoding.erase("strokeDash");
  encoding.update({{"x", x}, {"y", y}, {"opacity", fade_unselected()}});
  const Json outlines = {{"values", outline_values(summaries, bins)}};
  Json area_encoding = encoding;
  area_encoding["y"]["stack"] = nullptr;
  Json outline_encoding = encoding;
  outline_encoding["strokeDash"] = dash;
  spec["layer"] = Json::array({{{"data", outlines},
                                {"mark", {{"type", "area"}, {"interpolate", "step-after"}, {"fillOpacity", 0.14}}},
                                {"encoding", area_encoding}},
                               {{"data", outlines},
                                {"params", legend_selection("series")},
                                {"mark", {{"type", "line"}, {"interpolate", "step-after"}, {"strokeWidth", 1.8}}},
                                {"encoding", outline_encoding}},
                               {{"data", {{"values", bin_values(summaries, bins)}}},
                                {"mark", {{"type", "rect"}, {"opacity", 0}}},
                                {"encoding",
                                 {{"x", {{"field", "from"}, {"type", "quantitative"}}},
                                  {"x2", {{"field", "to"}}},
                                  {"tooltip", {{"field", "text"}, {"type", "nominal"}}}}}}});
  set_container_width(spec, 280);
}

Json box_values(const std::vector<Summary>& summaries) {
  Json values = Json::array();
  for (const auto& summary : summaries) {
    if (summary.sorted.empty()) continue;
    values.push_back({{"series", summary.name},
                      {"n", summary.sorted.size()},
                      {"p5", summary.quantile(0.05)},
                      {"q1", summary.quantile(0.25)},
                      {"median", summary.quantile(0.5)},
                      {"q3", summary.quantile(0.75)},
                      {"p95", summary.quantile(0.95)},
                      {"mean", summary.mean}});
  }
  return values;
}

void add_boxes(Json& spec, const DistributionChart& chart, const std::vector<Summary>& summaries,
               const std::vector<std::string>& names) {
  const auto at = [&](const char* field) {
    return Json{{"field", field},
                {"type", "quantitative"},
                {"title", chart.value_title},
                {"scale", {{"zero", false}}},
                {"axis", {{"format", ",~f"}, {"tickCount", 8}}}};
  };
  Json encoding = colour_encoding("series", chart.series_title, names);
  encoding["color"]["legend"] = nullptr;  // the rows are named
  encoding["y"] = {
      {"field", "series"}, {"type", "nominal"}, {"title", nullptr}, {"sort", nullptr}, {"axis", {{"labelLimit", 260}}}};
  Json tooltip = Json::array({tooltip_field("series", chart.series_title), tooltip_field("n", chart.item_name, ",d")});
  for (const char* field : {"p5", "q1", "median", "q3", "p95", "mean"}) {
    tooltip.push_back(tooltip_field(field, field, ".4f"));
  }
  encoding["tooltip"] = tooltip;
  spec["data"]["values"] = box_values(summaries);
  spec["encoding"] = encoding;
  spec["layer"] = Json::array(
      {{{"mark", {{"type", "rule"}, {"strokeWidth", 1.4}}},
        {"encoding", {{"x", at("p5")}, {"x2", {{"field", "p95"}}}}}},
       {{"mark", {{"type", "bar"}, {"size", 16}, {"fillOpacity", 0.35}, {"strokeWidth", 1.2}}},
        {"encoding", {{"x", at("q1")}, {"x2", {{"field", "q3"}}}, {"stroke", encoding["color"]}}}},
       {{"mark", {{"type", "tick"}, {"size", 16}, {"thickness", 2.5}}}, {"encoding", {{"x", at("median")}}}},
       {{"mark", {{"type", "point"}, {"filled", true}, {"size", 34}, {"opacity", 1}, {"style", "baseline"}}},
        {"encoding", {{"x", at("mean")}, {"color", nullptr}}}}});
  set_container_width(spec, 34 * static_cast<int>(std::max<std::size_t>(names.size(), 1)));
}

Table data_table(const DistributionChart& chart, const std::vector<Summary>& summaries) {
  Table table{{{chart.series_title},
               {chart.item_name, true},
               {"mean", true},
               {"standard deviation", true},
               {"minimum", true},
               {"5 %", true},
               {"25 %", true},
               {"median", true},
               {"75 %", true},
               {"95 %", true},
               {"maximum", true}},
              {}};
  for (const auto& summary : summaries) {
    std::vector<Cell> row = {text_cell(summary.name), count_cell(static_cast<std::int64_t>(summary.sorted.size())),
                             number_cell(summary.mean, 4), number_cell(summary.deviation, 4)};
    for (const double q : {0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0}) row.push_back(number_cell(summary.quantile(q), 4));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

Chart distribution_chart(const DistributionChart& chart) {
  if (chart.bins < 1 || chart.bins > 1000) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("bins of a histogram: expected 1 to 1000, got {}", chart.bins));
  }
  std::vector<Summary> summaries;
  std::vector<std::string> names;
  for (const auto& distribution : chart.distributions) {
    summaries.push_back(summarise(distribution));
    names.push_back(distribution.name);
  }
  const bool boxes = chart.kind == DistributionKind::box;
  const std::string legend = "box: quartiles; bar: median; dot: mean; whiskers: 5th to 95th percentile";
  const std::string subtitle = !boxes                   ? chart.subtitle
                               : chart.subtitle.empty() ? legend
                                                        : chart.subtitle + " · " + legend;
  const std::string description =
      fmt::format("{}. {} of {} {}.", chart.title, boxes ? "Box plots" : "Histograms", summaries.size(),
                  summaries.size() == 1 ? "distribution" : "distributions");
  Json spec = base_spec(chart.title, subtitle, description);
  boxes ? add_boxes(spec, chart, summaries, distinct(names)) : add_histogram(spec, chart, summaries, distinct(names));
  return {chart.title, description, spec_text(spec), data_table(chart, summaries)};
}

}  // namespace lacuna
