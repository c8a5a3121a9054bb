// A chart as a file: a picture for a paper, an interactive page, or the specification itself.
//
//   .svg .pdf .png   drawn by Vega in node; PDF and PNG by librsvg's rsvg-convert from the SVG
//   .html            a page that needs nothing else (page.hpp)
//   .json            the Vega-Lite specification; .vl.json is the same
//
// Pictures are in the light theme, set in DejaVu Sans. Both programs are started without a shell and get the chart on
// standard input; what they load is inside Lacuna, and nothing is requested from a network or read from a disk.
//
// Cost     about a second, most of it for node to start. HTML and JSON need neither program.
// Exact    the same chart and the same versions of both programs give the same bytes.
// Errors   Error{invalid_argument}: an ending that is none of these, a size outside its limits; Error{not_found}: node
//          or rsvg-convert is not in PATH, with the package to install; Error{io_failed}: they fail or take too long;
//          Error{interrupted}; write_chart: those of AtomicFile.
#pragma once

#include <filesystem>
#include <string>

#include "lacuna/core/run_context.hpp"
#include "lacuna/render/chart.hpp"

namespace lacuna {

enum class PictureFormat { svg, png, pdf, html, json };

PictureFormat picture_format(const std::filesystem::path& file);  // by the ending

struct ChartExportOptions {
  int width_px = 640;        // of the plot, where the chart has no width of its own; 100 to 4000
  double png_scale = 2.0;    // pixels of a PNG for each pixel of the chart, 0.1 to 10
  double max_seconds = 120;  // for each program
};

std::string chart_file(const Chart& chart, PictureFormat format, const ChartExportOptions& options = {},
                       const RunContext& context = {});
void write_chart(const std::filesystem::path& target, const Chart& chart, const ChartExportOptions& options = {},
                 const RunContext& context = {});

// Any SVG as PNG or PDF.
std::string convert_svg(const std::string& svg, PictureFormat format, const ChartExportOptions& options = {},
                        const RunContext& context = {});

}  // namespace lacuna
