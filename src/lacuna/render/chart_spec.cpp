#include "lacuna/render/chart_spec.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "embedded/chart_theme_light.hpp"
#include "lacuna/render/escape.hpp"

namespace lacuna {
namespace {

using Json = nlohmann::json;

// In the order in which they get colours.
const std::vector<std::string>& known_methods() {
  static const std::vector<std::string> kMethods = {"magnitude", "wanda", "sparsegpt"};
  return kMethods;
}

// All known methods first when any of the names is one, so that a chart without magnitude keeps wanda's colour.
std::vector<std::string> colour_domain(const std::vector<std::string>& names) {
  const auto& known = known_methods();
  const auto is_known = [&](const std::string& name) {
    return std::find(known.begin(), known.end(), name) != known.end();
  };
  if (std::none_of(names.begin(), names.end(), is_known)) return names;
  std::vector<std::string> domain = known;
  std::copy_if(names.begin(), names.end(), std::back_inserter(domain),
               [&](const auto& name) { return !is_known(name); });
  return domain;
}

Json channel(const std::string& field, const std::string& title, const std::vector<std::string>& names) {
  return {{"field", field},
          {"type", "nominal"},
          {"title", title},
          {"scale", {{"domain", colour_domain(names)}}},
          {"legend", {{"orient", "top"}, {"values", names}}}};
}

std::vector<double> log_ticks(const std::vector<double>& values) {
  double low = INFINITY;
  double high = 0;
  for (const double value : values) {
    if (!can_show(value, true)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  std::vector<double> ticks;
  if (high == 0) return ticks;
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  for (int power = first; power <= last; ++power) {
    for (const double step : {1.0, 2.0, 5.0}) {
      if (step == 1.0 || last - first <= 3) ticks.push_back(step * std::pow(10.0, power));
    }
  }
  return ticks;
}

}  // namespace

nlohmann::json base_spec(const std::string& title, const std::string& subtitle, const std::string& description) {
  static const Json kTheme = Json::parse(embedded::chart_theme_light());
  Json spec = {{"$schema", "https://vega.github.io/schema/vega-lite/v6.json"},
               {"description", description},
               {"title", {{"text", title}}},
               {"config", kTheme}};
  if (!subtitle.empty()) spec["title"]["subtitle"] = subtitle;
  return spec;
}

std::string spec_text(const nlohmann::json& spec) {
  return spec.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::vector<std::string> distinct(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (const auto& name : names) {
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
  }
  return out;
}

nlohmann::json colour_encoding(const std::string& field, const std::string& title,
                               const std::vector<std::string>& names) {
  return {{"color", channel(field, title, names)}};
}

nlohmann::json line_encoding(const std::string& field, const std::string& title,
                             const std::vector<std::string>& names) {
  Json one = channel(field, title, names);
  one["legend"].update({{"symbolType", "stroke"}, {"symbolSize", 160}});
  return {{"color", one}, {"strokeDash", one}};
}

nlohmann::json line_point_encoding(const std::string& field, const std::string& title,
                                   const std::vector<std::string>& names) {
  Json one = channel(field, title, names);
  one["legend"]["symbolStrokeWidth"] = 0;  // dashed outlines would blur the shapes
  return {{"color", one}, {"strokeDash", one}, {"shape", one}};
}

nlohmann::json legend_selection(const std::string& field) {
  return Json::array({{{"name", "shown"}, {"select", {{"type", "point"}, {"fields", {field}}}}, {"bind", "legend"}}});
}

nlohmann::json fade_unselected() { return {{"condition", {{"param", "shown"}, {"value", 1}}}, {"value", 0.12}}; }

void set_container_width(nlohmann::json& spec, int height_px) {
  spec["width"] = "container";
  spec["height"] = height_px;
  spec["autosize"] = {{"type", "fit-x"}, {"contains", "padding"}};
}

void set_panel_width(nlohmann::json& spec, int panel_px) { spec["usermeta"]["lacuna"]["panel_px"] = panel_px; }

nlohmann::json tooltip_field(const std::string& field, const std::string& title, const std::string& format) {
  if (format.empty()) return {{"field", field}, {"type", "nominal"}, {"title", title}};
  return {{"field", field}, {"type", "quantitative"}, {"title", title}, {"format", format}};
}

std::string axis_format(ValueFormat format) { return format == ValueFormat::percent ? "~%" : ",~f"; }
std::string tooltip_format(ValueFormat format) { return format == ValueFormat::percent ? ".2%" : ",.5~r"; }

Cell value_cell(double value, ValueFormat format) {
  if (format == ValueFormat::percent) return percent_cell(value, 2);
  const double size = std::abs(value);
  return number_cell(value, size >= 1000 || size == 0 ? 1 : size >= 10 ? 2 : size >= 0.1 ? 4 : 6);
}

bool use_log(AxisScale scale, const std::vector<double>& values) {
  if (scale != AxisScale::automatic) return scale == AxisScale::log;
  double low = INFINITY;
  double high = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  constexpr double kFactor = 8;  // beyond it, a linear axis presses the small values onto its foot
  return low > 0 && high > kFactor * low;
}

bool can_show(double value, bool log) { return std::isfinite(value) && (!log || value > 0); }

void set_value_axis(nlohmann::json& encoding, const std::vector<double>& values, bool log, bool from_zero,
                    const std::string& format, int n_ticks) {
  encoding["axis"] = {{"format", format}, {"tickCount", n_ticks}};
  if (log) {
    encoding["scale"] = {{"type", "log"}, {"nice", false}, {"padding", 12}};  // nice would be whole powers of ten
    encoding["axis"]["values"] = log_ticks(values);
  } else {
    encoding["scale"] = {{"zero", from_zero}};
  }
}

}  // namespace lacuna
