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

// Colour, dash and shape by `field`, one legend entry each. The methods that Lacuna knows get the same colour in every
// chart, whichever of them it shows.
nlohmann::json series_encoding(const std::string& field, const std::string& title,
                               const std::vector<std::string>& names);
nlohmann::json colour_encoding(const std::string& field, const std::string& title,
                               const std::vector<std::string>& names);

// A click in the legend keeps one series; the others fade.
nlohmann::json legend_selection(const std::string& field);
nlohmann::json fade_unselected();

// Where several panels stand side by side: the page fits `columns` to its width through usermeta.lacuna.panel_px.
void make_panels(nlohmann::json& spec, nlohmann::json panel, int panel_px, int columns);

nlohmann::json tooltip_field(const std::string& field, const std::string& title, const std::string& format = {});
std::string axis_format(ValueFormat format);  // d3-format
std::string tooltip_format(ValueFormat format);
Cell value_cell(double value, ValueFormat format);

bool use_log(AxisScale scale, const std::vector<double>& values);
bool can_show(double value, bool log);

}  // namespace lacuna
