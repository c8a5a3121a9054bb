// What all chart specifications share. Internal to render.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lacuna/render/chart.hpp"

namespace lacuna {

nlohmann::json base_spec(const std::string& title, const std::string& subtitle, const std::string& description);

// One line of JSON; bytes that are not UTF-8 become U+FFFD.
std::string spec_text(const nlohmann::json& spec);

// The names in order of first appearance.
std::vector<std::string> distinct(const std::vector<std::string>& names);

// Colour and dash by `field`, with one legend of short lines. The methods that Lacuna knows get the same colour in
// every chart, whichever of them it shows.
nlohmann::json line_encoding(const std::string& field, const std::string& title, const std::vector<std::string>& names);
// The same with a shape for the points too, which the legend then shows.
nlohmann::json line_point_encoding(const std::string& field, const std::string& title,
                                   const std::vector<std::string>& names);
nlohmann::json colour_encoding(const std::string& field, const std::string& title,
                               const std::vector<std::string>& names);

// A click in the legend keeps one series; the others fade.
nlohmann::json legend_selection(const std::string& field);
nlohmann::json fade_unselected();

// As wide as the page allows.
void set_container_width(nlohmann::json& spec, int height_px);

// Panels side by side: the page fits spec.columns to its width by this.
void set_panel_width(nlohmann::json& spec, int panel_px);

nlohmann::json tooltip_field(const std::string& field, const std::string& title, const std::string& format = {});
std::string axis_format(ValueFormat format);  // d3-format
std::string tooltip_format(ValueFormat format);
Cell value_cell(double value, ValueFormat format);

bool use_log(AxisScale scale, const std::vector<double>& values);
bool can_show(double value, bool log);

// The scale of an axis over these values, as `scale` and `axis` of an encoding. A logarithmic one is ticked at 1, 2 and
// 5 times powers of ten, or at powers of ten only when it is long.
void set_value_axis(nlohmann::json& encoding, const std::vector<double>& values, bool log, bool from_zero,
                    const std::string& format, int n_ticks);

}  // namespace lacuna
