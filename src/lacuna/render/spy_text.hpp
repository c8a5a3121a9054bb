// Titles and labels that fit beside a picture, whatever names they hold. Internal to render.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lacuna {

// Width in pixels of a text in the font of the picture.
using MeasureText = std::function<double(const std::string& text, double size, bool bold)>;

// On one line, valid UTF-8, and never so long that measuring it takes time.
std::string one_line(std::string_view text);

// Cut with "…" where it is wider than `width`.
std::string ellipsised(std::string text, double size, bool bold, double width, const MeasureText& measure);

// Breaks at " · " into at most three lines; a piece that is too wide by itself is cut, and so is what is left over.
std::vector<std::string> wrapped(const std::string& text, double size, bool bold, double width,
                                 const MeasureText& measure);

}  // namespace lacuna
