#include "lacuna/render/chart_export.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "embedded/draw_chart_js.hpp"
#include "embedded/vega_js.hpp"
#include "embedded/vega_lite_js.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/render/child_process.hpp"
#include "lacuna/render/page.hpp"
#include "lacuna/render/text_widths.hpp"

namespace lacuna {
namespace {

void check(const ChartExportOptions& options) {
  if (options.width_px < 100 || options.width_px > 4000) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("width of a chart: expected 100 to 4000 pixels, got {}", options.width_px));
  }
  if (!(options.png_scale >= 0.1 && options.png_scale <= 10.0)) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("scale of a PNG: expected 0.1 to 10, got {}", options.png_scale));
  }
}

std::string chart_svg(const Chart& chart, const ChartExportOptions& options, const RunContext& context) {
  const nlohmann::json job = {{"vega", embedded::vega_js()},
                              {"vega_lite", embedded::vega_lite_js()},
                              {"spec", chart.spec},
                              {"width", options.width_px},
                              {"widths", text_widths(chart.spec)}};
  return run_child({{"node", "-e", std::string(embedded::draw_chart_js())},
                    "install node (Debian: apt install nodejs), or write .html or .json, which need no program",
                    options.max_seconds},
                   job.dump(), context);
}

std::string chart_page(const Chart& chart) {
  Page page(chart.title, chart.description);
  page.chart(chart);
  return page.html();
}

}  // namespace

PictureFormat picture_format(const std::filesystem::path& file) {
  const auto ending = file.extension();
  if (ending == ".svg") return PictureFormat::svg;
  if (ending == ".png") return PictureFormat::png;
  if (ending == ".pdf") return PictureFormat::pdf;
  if (ending == ".html") return PictureFormat::html;
  if (ending == ".json") return PictureFormat::json;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("'{}': expected a name ending in .svg, .pdf, .png, .html or .json", file.string()));
}

std::string convert_svg(const std::string& svg, PictureFormat format, const ChartExportOptions& options,
                        const RunContext& context) {
  check(options);
  if (format != PictureFormat::png && format != PictureFormat::pdf) {
    throw Error(ErrorCode::invalid_argument, "an SVG becomes PNG or PDF");
  }
  ChildProgram program{{"rsvg-convert", "--format", "pdf", "--unlimited"},
                       "install librsvg2-bin (Debian: apt install librsvg2-bin), or write .svg",
                       options.max_seconds};
  if (format == PictureFormat::png) {
    program.arguments[2] = "png";
    program.arguments.insert(program.arguments.end(), {"--zoom", fmt::format("{}", options.png_scale)});
  }
  return run_child(program, svg, context);
}

std::string chart_file(const Chart& chart, PictureFormat format, const ChartExportOptions& options,
                       const RunContext& context) {
  check(options);
  if (format == PictureFormat::json) return chart.spec + "\n";
  if (format == PictureFormat::html) return chart_page(chart);
  std::string svg = chart_svg(chart, options, context);
  return format == PictureFormat::svg ? svg : convert_svg(svg, format, options, context);
}

void write_chart(const std::filesystem::path& target, const Chart& chart, const ChartExportOptions& options,
                 const RunContext& context) {
  write_file_atomic(target, chart_file(chart, picture_format(target), options, context));
}

}  // namespace lacuna
