// Where everything on a spy plot stands. Internal to render: spy.cpp paints it on pixels, spy_svg.cpp writes it as SVG.
//
// Lengths are pixels, y grows downwards. A text's position is the start, middle or end of its baseline; vertical texts
// are turned a quarter to the left.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lacuna/render/spy.hpp"
#include "lacuna/render/spy_text.hpp"

namespace lacuna {

// How entries become pixels: a box of entries is one cell, a cell zoom_x × zoom_y pixels.
struct SpyScale {
  std::int64_t box = 1;
  int zoom_x = 1;
  int zoom_y = 1;
};

struct SpyBox {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
};

enum class TextAnchor { start, middle, end };

struct SpyText {
  std::string text;
  double x = 0;
  double y = 0;
  double size = 12;
  TextAnchor anchor = TextAnchor::start;
  bool vertical = false;
  bool bold = false;
  double ink = 1.0;  // 1: black, lower: greyer
};

struct SpyLine {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

struct SpyLayout {
  int width = 0;
  int height = 0;
  SpyBox plot;
  SpyBox bar;  // of the colour bar; width 0: none
  double line_width = 1;
  std::vector<SpyText> texts;
  std::vector<SpyLine> lines;
};

void require_valid(const SpyOptions& options);  // throws Error{invalid_argument}
SpyScale choose_scale(std::int64_t rows, std::int64_t cols, const SpyOptions& options);
DensityRange choose_range(const DensityMap& map);

// scale must be the one that map was counted with; range is read only when scale.box > 1.
SpyLayout lay_out(const DensityMap& map, const SpyScale& scale, const DensityRange& range, const SpyOptions& options,
                  const MeasureText& measure);

std::string spy_subtitle(const DensityMap& map);
std::string spy_description(const DensityMap& map, const SpyOptions& options);

}  // namespace lacuna
