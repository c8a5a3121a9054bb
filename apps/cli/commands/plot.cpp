// `lacuna plot`: figures for papers, of what other commands recorded with --json.
#include <fmt/format.h>

#include <iostream>
#include <iterator>

#include "commands.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/render/chart_export.hpp"
#include "lacuna/study/figures/figures.hpp"

namespace lacuna::cli {
namespace {
namespace fs = std::filesystem;

constexpr std::uint64_t kMaxDocumentBytes = std::uint64_t{1} << 30;

struct PlotCommand {
  std::string kind;
  std::vector<std::string> files;
  fs::path out;
  std::optional<int> k;
  FigureOptions figure;
  ChartExportOptions size;
};

RecordedResult read_result(const std::string& file) {
  if (file != "-") return {file, read_file(file, kMaxDocumentBytes)};
  std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  if (text.size() > kMaxDocumentBytes) {
    throw Error(ErrorCode::limit_exceeded, fmt::format("expected at most {} bytes", kMaxDocumentBytes)).at("stdin");
  }
  return {"stdin", std::move(text)};
}

void run_plot(const Session& session, const PlotCommand& command) {
  picture_format(command.out);  // a wrong name is told before any work
  std::vector<RecordedResult> results;
  for (const auto& file : command.files) {
    if (file != "-") require_distinct_paths(command.out, file);
    results.push_back(read_result(file));
  }
  FigureOptions options = command.figure;
  options.k = command.k;
  const Chart chart = draw_figure(command.kind, results, options);
  write_chart(command.out, chart, command.size, session.context());
  session.print(fmt::format("{}: {}", command.out.string(), chart.description));
  session.print_json({{"out", command.out.string()},
                      {"figure", command.kind},
                      {"title", chart.title},
                      {"description", chart.description}});
}

std::string kinds_text() {
  std::string text = "Figures, and the command whose JSON document each draws:\n";
  for (const auto& kind : figure_kinds()) {
    text += fmt::format("  {:<15} {:<20} {}\n", kind.name, kind.command, kind.what);
  }
  return text;
}

std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const auto& kind : figure_kinds()) names.emplace_back(kind.name);
  return names;
}

}  // namespace

void add_plot(Application& app) {
  auto& command = app.command("Look", "plot", "Draw a figure of recorded results: SVG, PDF, PNG, HTML");
  auto options = std::make_shared<PlotCommand>();
  command.add_option("figure", options->kind, "what to draw: see below")
      ->required()
      ->check(CLI::IsMember(kind_names()).description(""))
      ->type_name("FIGURE");
  command.add_option("files", options->files, "documents printed with --json; - reads standard input")
      ->required()
      ->type_name("FILE");
  command.add_option("-o,--out", options->out, "figure to write: .svg, .pdf, .png, .html, or .json (Vega-Lite)")
      ->required()
      ->type_name("FILE");
  command.add_option("--title", options->figure.title, "in place of the figure's own")->type_name("TEXT");
  command.add_option("--metric", options->figure.metric, "what is measured, where a figure has a choice")
      ->type_name("METRIC");
  command.add_option("--k", options->k, "number of clusters drawn, of those in the document; default: the first")
      ->check(CLI::PositiveNumber)
      ->type_name("K");
  command.add_option("--width", options->size.width_px, "pixels of the plot, where the figure can be stretched")
      ->check(CLI::Range(100, 4000))
      ->capture_default_str();
  command.add_option("--scale", options->size.png_scale, "pixels of a PNG for each pixel of the plot")
      ->check(CLI::Range(0.1, 10.0))
      ->capture_default_str();
  command.footer(
      kinds_text() +
      "\nSVG, PDF and PNG are drawn by node; PDF and PNG need rsvg-convert too. HTML and JSON need neither.\n"
      "Example: lacuna pairs pruned --matrix 0.mlp.up_proj --json | lacuna plot distances - -o distances.pdf\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_plot(session, *options); });
}

}  // namespace lacuna::cli
