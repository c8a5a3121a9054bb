#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lacuna/core/error.hpp"
#include "lacuna/render/chart_spec.hpp"
#include "lacuna/render/palette.hpp"
#include "lacuna/render/structure_charts.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::json;

struct Ranked {
  std::size_t rank = 0;  // from 1, the largest
  double mean = 0.0;
  std::int64_t least = 0;
  std::int64_t most = 0;
};

std::vector<Ranked> ranked_sizes(const ClusterSizes& sizes) {
  std::vector<Ranked> ranked(static_cast<std::size_t>(sizes.k));
  for (auto run : sizes.runs) {
    if (run.size() != ranked.size()) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("cluster sizes: expected {} in every run, got {}", sizes.k, run.size()));
    }
    std::sort(run.begin(), run.end(), std::greater<>());
    for (std::size_t i = 0; i < run.size(); ++i) {
      auto& at = ranked[i];
      const bool first = at.rank == 0;
      at.rank = i + 1;
      at.least = first ? run[i] : std::min(at.least, run[i]);
      at.most = first ? run[i] : std::max(at.most, run[i]);
      at.mean += static_cast<double>(run[i]) / static_cast<double>(sizes.runs.size());
    }
  }
  return ranked;
}

std::int64_t features_of(const ClusterSizes& sizes) {
  std::int64_t sum = 0;
  if (!sizes.runs.empty()) {
    for (const auto size : sizes.runs.front()) sum += size;
  }
  return sum;
}

Json panel(const ClusterSizes& sizes, bool first) {
  Json values = Json::array();
  for (const auto& at : ranked_sizes(sizes)) {
    if (at.rank == 0) continue;  // no run
    values.push_back({{"rank", at.rank}, {"mean", at.mean}, {"least", at.least}, {"most", at.most}});
  }
  const double even = sizes.k > 0 ? static_cast<double>(features_of(sizes)) / static_cast<double>(sizes.k) : 0.0;
  Json rank_axis = {{"labelAngle", 0},
                    {"grid", false},
                    {"ticks", false},
                    {"labelOverlap", true},
                    {"labelFontSize", sizes.k > 8 ? 10 : 12}};
  const Json x = {{"field", "rank"},
                  {"type", "ordinal"},
                  {"title", first ? Json("cluster, largest first") : Json(nullptr)},
                  {"axis", rank_axis}};
  const auto y = [&](const char* field) {
    return Json{{"field", field},
                {"type", "quantitative"},
                {"title", first ? Json("features in the cluster") : Json(nullptr)},
                {"axis", {{"tickCount", 6}}}};
  };
  const Json tooltip = Json::array({tooltip_field("rank", "cluster"), tooltip_field("mean", "mean size", ",.1f"),
                                    tooltip_field("least", "least", ",d"), tooltip_field("most", "most", ",d")});
  return {{"title", {{"text", fmt::format("k = {}", sizes.k)}, {"fontSize", 12.5}, {"offset", 8}}},
          {"width",
           {{"step", sizes.k <= 4   ? 22
                     : sizes.k <= 8 ? 20
                                    : 16}}},
          {"height", 220},
          {"data", {{"values", values}}},
          {"layer",
           {{{"mark", {{"type", "bar"}, {"color", hex_colour(series_colours()[0])}, {"cornerRadiusEnd", 1}}},
             {"encoding", {{"x", x}, {"y", y("mean")}, {"tooltip", tooltip}}}},
            {{"mark", {{"type", "rule"}, {"color", "#1c1d20"}, {"strokeWidth", 1.2}}},
             {"encoding", {{"x", x}, {"y", y("least")}, {"y2", {{"field", "most"}}}}}},
            {{"data", {{"values", {{{"even", even}}}}}},
             {"mark", {{"type", "rule"}, {"style", "baseline"}, {"strokeDash", {4, 3}}, {"strokeWidth", 1.4}}},
             {"encoding", {{"y", y("even")}}}}}}};
}

}  // namespace

Chart cluster_size_chart(const ClusterSizeChart& chart) {
  Json spec = base_spec(chart.title, chart.subtitle, "");
  spec["concat"] = Json::array();
  Table table{{{"k", true}, {"cluster", true}, {"mean size", true}, {"least", true}, {"most", true}}, {}};
  for (const auto& sizes : chart.sizes) {
    spec["concat"].push_back(panel(sizes, spec["concat"].empty()));
    for (const auto& at : ranked_sizes(sizes)) {
      table.rows.push_back({count_cell(sizes.k), count_cell(static_cast<std::int64_t>(at.rank)),
                            number_cell(at.mean, 2), count_cell(at.least), count_cell(at.most)});
    }
  }
  const std::string description =
      fmt::format("{}. Bars of the sizes of clusters, largest first, in {} panels.", chart.title, chart.sizes.size());
  spec["description"] = description;
  spec["columns"] = 4;
  spec["resolve"]["scale"]["y"] = "shared";
  return {chart.title, description, spec_text(spec), table};
}

}  // namespace lacuna
