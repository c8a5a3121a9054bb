// How wide characters are, for programs that lay out text without a screen. Internal to render.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace lacuna {

// {"regular": {"A": 0.684, …}, "bold": {…}}: advances in units of the font size, of every character of `text` and of
// those that number formats write, in DejaVu Sans (or what the system has in its place).
nlohmann::json text_widths(std::string_view text);

}  // namespace lacuna
