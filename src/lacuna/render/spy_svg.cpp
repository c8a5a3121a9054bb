#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/render/escape.hpp"
#include "lacuna/render/spy.hpp"
#include "lacuna/render/spy_cairo.hpp"
#include "lacuna/render/spy_layout.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kMaxEntries = 65'536;

// One path: a rectangle for each run of non-zeros in a row.
std::string runs_path(const DensityMap& map, const SpyScale& scale) {
  std::string path;
  const auto out = std::back_inserter(path);
  for (std::int64_t i = 0; i < map.map_rows; ++i) {
    for (std::int64_t j = 0; j < map.map_cols; ++j) {
      if (map.count(i, j) == 0) continue;
      const std::int64_t first = j;
      while (j < map.map_cols && map.count(i, j) != 0) ++j;
      const std::int64_t width = (j - first) * scale.zoom_x;
      fmt::format_to(out, "M{} {}h{}v{}h{}z", first * scale.zoom_x, i * scale.zoom_y, width, scale.zoom_y, -width);
    }
  }
  return path;
}

std::string text_element(const SpyText& item) {
  constexpr std::string_view kAnchors[] = {"start", "middle", "end"};
  const std::string turn = item.vertical ? fmt::format(" transform=\"rotate(-90 {:.1f} {:.1f})\"", item.x, item.y) : "";
  return fmt::format(
             R"(<text x="{:.1f}" y="{:.1f}" font-size="{:.1f}" text-anchor="{}"{}{} fill-opacity="{}">{}</text>)",
             item.x, item.y, item.size, kAnchors[static_cast<int>(item.anchor)],
             item.bold ? R"( font-weight="bold")" : "", turn, item.ink, escape_html(item.text)) +
         "\n";
}

std::string lines_path(const SpyLayout& layout) {
  std::string path;
  for (const auto& line : layout.lines) {
    fmt::format_to(std::back_inserter(path), "M{:.1f} {:.1f}L{:.1f} {:.1f}", line.x0, line.y0, line.x1, line.y1);
  }
  return path;
}

}  // namespace

std::string spy_svg(const SpyPattern& pattern, const SpyOptions& options) {
  require_valid(options);
  if (pattern.rows > kMaxEntries || pattern.cols > kMaxEntries || pattern.rows * pattern.cols > kMaxEntries) {
    throw Error(ErrorCode::limit_exceeded, fmt::format("spy plot as SVG: expected at most {} entries, got {} × {}",
                                                       kMaxEntries, pattern.rows, pattern.cols))
        .hint("write a PNG instead");
  }
  SpyOptions whole = options;
  whole.max_plot_px = static_cast<int>(std::max({std::int64_t{options.max_plot_px}, pattern.rows, pattern.cols}));
  const SpyScale scale = choose_scale(pattern.rows, pattern.cols, whole);
  const DensityMap map = count_density(pattern, 1, 1);
  const SpyLayout layout = lay_out(map, scale, {}, options, measure_text);
  std::string svg = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" )"
      R"(font-family="'DejaVu Sans', Verdana, sans-serif" fill="#191919">)"
      "\n<title>{2}</title>\n",
      layout.width, layout.height, escape_html(spy_description(map, options)));
  svg += fmt::format("<rect width=\"{}\" height=\"{}\" fill=\"#ffffff\"/>\n", layout.width, layout.height);
  svg += fmt::format(R"x(<path transform="translate({} {})" shape-rendering="crispEdges" fill="{}" d="{}"/>)x",
                     layout.plot.x, layout.plot.y, hex_colour(options.nonzero), runs_path(map, scale));
  svg += fmt::format("\n<path stroke=\"#404040\" stroke-width=\"{}\" fill=\"none\" d=\"{}\"/>\n", layout.line_width,
                     lines_path(layout));
  for (const auto& text : layout.texts) svg += text_element(text);
  return svg + "</svg>\n";
}

void write_spy_svg(const std::filesystem::path& target, const SpyPattern& pattern, const SpyOptions& options) {
  write_file_atomic(target, spy_svg(pattern, options));
}

}  // namespace lacuna
