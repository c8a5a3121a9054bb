#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lacuna/render/chart.hpp"
#include "lacuna/render/chart_spec.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::json;
constexpr std::string_view kUnstructured = "unstructured";

Json point_values(const PerplexityChart& chart, bool log) {
  Json values = Json::array();
  for (const auto& point : chart.points) {
    if (!can_show(point.perplexity, log) || !can_show(point.sparsity, false)) continue;
    Json value = {{"method", point.method},
                  {"pattern", point.pattern},
                  {"sparsity", point.sparsity},
                  {"perplexity", point.perplexity}};
    if (point.standard_error > 0 && can_show(point.perplexity - point.standard_error, log)) {
      value["low"] = point.perplexity - point.standard_error;
      value["high"] = point.perplexity + point.standard_error;
      value["error"] = point.standard_error;
    }
    values.push_back(std::move(value));
  }
  return values;
}

Json tooltips(const PerplexityChart& chart) {
  Json fields =
      Json::array({tooltip_field("method", "method"), tooltip_field("pattern", "pattern"),
                   tooltip_field("sparsity", "sparsity", ".1%"), tooltip_field("perplexity", "perplexity", ",.4f")});
  for (const auto& point : chart.points) {
    if (point.standard_error > 0) {
      fields.push_back(tooltip_field("error", "± standard error", ",.4f"));
      break;
    }
  }
  return fields;
}

Json layers(const PerplexityChart& chart, const Json& dash, const std::vector<std::string>& patterns) {
  const Json line = {{"transform", {{{"filter", {{"field", "pattern"}, {"equal", kUnstructured}}}}}},
                     {"params", legend_selection("method")},
                     {"mark", {{"type", "line"}, {"strokeWidth", 2}}},
                     {"encoding", {{"strokeDash", dash}, {"opacity", fade_unselected()}}}};
  const Json errors = {{"transform", {{{"filter", {{"field", "error"}, {"valid", true}}}}}},
                       {"mark", {{"type", "rule"}, {"strokeWidth", 1.2}}},
                       {"encoding",
                        {{"y", {{"field", "low"}, {"type", "quantitative"}}},
                         {"y2", {{"field", "high"}}},
                         {"opacity", fade_unselected()}}}};
  const Json shape = {{"field", "pattern"},
                      {"type", "nominal"},
                      {"title", "pattern"},
                      {"scale", {{"domain", patterns}}},
                      {"legend", {{"orient", "top"}, {"symbolSize", 110}}}};
  const Json points = {{"mark", {{"type", "point"}, {"filled", true}, {"size", 85}, {"opacity", 1}}},
                       {"encoding", {{"shape", shape}, {"opacity", fade_unselected()}, {"tooltip", tooltips(chart)}}}};
  return Json::array({line, errors, points});
}

// The dense model: a rule across the plot, named at its right end, far from where the lines begin.
void add_baseline(Json& layer, double dense) {
  const Json data = {{"values", {{{"dense", dense}, {"label", fmt::format("dense {:.2f}", dense)}}}}};
  const Json y = {{"field", "dense"}, {"type", "quantitative"}};
  layer.push_back({{"data", data},
                   {"mark", {{"type", "rule"}, {"style", "baseline"}, {"strokeDash", {2, 3}}, {"strokeWidth", 1.4}}},
                   {"encoding", {{"x", nullptr}, {"y", y}, {"color", nullptr}}}});
  layer.push_back({{"data", data},
                   {"mark",
                    {{"type", "text"},
                     {"style", "baseline-label"},
                     {"align", "right"},
                     {"baseline", "bottom"},
                     {"dx", -4},
                     {"dy", -4}}},
                   {"encoding",
                    {{"x", {{"value", "width"}}},
                     {"y", y},
                     {"color", nullptr},
                     {"text", {{"field", "label"}, {"type", "nominal"}}}}}});
}

Table data_table(const PerplexityChart& chart) {
  Table table{{{"method"}, {"pattern"}, {"sparsity", true}, {"perplexity", true}, {"± standard error", true}}, {}};
  if (chart.dense) {
    table.rows.push_back(
        {text_cell("dense"), text_cell("–"), percent_cell(0), number_cell(*chart.dense, 4), text_cell("–")});
  }
  for (const auto& point : chart.points) {
    table.rows.push_back({text_cell(point.method), text_cell(point.pattern), percent_cell(point.sparsity),
                          number_cell(point.perplexity, 4),
                          point.standard_error > 0 ? number_cell(point.standard_error, 4) : text_cell("–")});
  }
  return table;
}

}  // namespace

Chart perplexity_chart(const PerplexityChart& chart) {
  std::vector<double> perplexities;
  std::vector<std::string> methods;
  std::vector<std::string> patterns = {std::string(kUnstructured)};
  for (const auto& point : chart.points) {
    perplexities.push_back(point.perplexity);
    methods.push_back(point.method);
    patterns.push_back(point.pattern);
  }
  if (chart.dense) perplexities.push_back(*chart.dense);
  const bool log = use_log(chart.scale, perplexities);
  methods = distinct(methods);
  patterns = distinct(patterns);

  const std::string description = fmt::format("{}. {} results of {} methods; lower perplexity is better.", chart.title,
                                              chart.points.size(), methods.size());
  Json spec = base_spec(chart.title, chart.subtitle, description);
  const Json lines = line_encoding("method", "method", methods);
  set_container_width(spec, 340);
  spec["data"]["values"] = point_values(chart, log);
  spec["encoding"]["color"] = lines["color"];
  spec["encoding"]["x"] = {{"field", "sparsity"},
                           {"type", "quantitative"},
                           {"title", "sparsity (share of weights pruned)"},
                           {"scale", {{"zero", false}, {"padding", 18}}},
                           {"axis", {{"format", "~%"}, {"grid", false}, {"tickCount", 8}}}};
  spec["encoding"]["y"] = {
      {"field", "perplexity"},
      {"type", "quantitative"},
      {"title", log ? "perplexity (logarithmic, lower is better)" : "perplexity (lower is better)"}};
  set_value_axis(spec["encoding"]["y"], perplexities, log, false, ",~f", 6);
  spec["layer"] = layers(chart, lines["strokeDash"], patterns);
  if (chart.dense && can_show(*chart.dense, log)) add_baseline(spec["layer"], *chart.dense);
  return {chart.title, description, spec_text(spec), data_table(chart)};
}

}  // namespace lacuna
