// `lacuna plot`: figures for papers, of what other commands recorded with --json.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <iterator>

#include "commands.hpp"
#include "database_figures.hpp"
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
  std::optional<std::int64_t> k;
  FigureOptions figure;
  DatabaseFigure database;
  bool database_given = false;
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

const std::vector<FigureKind> kDatabaseKinds = {
    {"perplexity", "perplexity against sparsity, by method", "--db FILE", ""},
    {"similarity", "how alike the patterns of runs are, by layer", "--db FILE", "jaccard,cosine,hamming"}};

bool is_of_database(const std::string& kind) {
  return std::any_of(kDatabaseKinds.begin(), kDatabaseKinds.end(),
                     [&](const auto& known) { return known.name == kind; });
}

Chart draw_of_database(const PlotCommand& command, const RunContext& context) {
  if (!command.files.empty()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("figure {}: expected --db and no documents, got {}", command.kind, command.files.front()));
  }
  require_distinct_paths(command.out, command.database.database);
  DatabaseFigure figure = command.database;
  figure.metric = command.figure.metric;
  figure.title = command.figure.title;
  if (command.kind == "similarity") return similarity_figure(figure, context);
  if (command.kind == "speed") return recorded_speed_figure(figure, context);
  if (!figure.metric.empty()) throw Error(ErrorCode::invalid_argument, "figure perplexity has no choice of --metric");
  return perplexity_figure(figure, context);
}

Chart draw_of_documents(const PlotCommand& command) {
  if (command.files.empty()) {
    throw Error(ErrorCode::missing_argument,
                fmt::format("figure {} needs a document, or - for standard input", command.kind));
  }
  std::vector<RecordedResult> results;
  for (const auto& file : command.files) {
    if (file != "-") require_distinct_paths(command.out, file);
    results.push_back(read_result(file));
  }
  FigureOptions options = command.figure;
  options.k = command.k;
  return draw_figure(command.kind, results, options);
}

void run_plot(const Session& session, const PlotCommand& command) {
  picture_format(command.out);  // a wrong name is told before any work
  const bool of_database = is_of_database(command.kind) || (command.kind == "speed" && command.database_given);
  const Chart chart = of_database ? draw_of_database(command, session.context()) : draw_of_documents(command);
  write_chart(command.out, chart, command.size, session.context());
  session.print(fmt::format("{}: {}", command.out.string(), chart.description));
  session.print_json({{"out", command.out.string()},
                      {"figure", command.kind},
                      {"title", chart.title},
                      {"description", chart.description}});
}

std::string kind_text(const FigureKind& kind, const std::string& source) {
  return fmt::format("  {:<15} {}\n  {:<15} of {}{}\n", kind.name, kind.what, "", source,
                     kind.metrics.empty() ? "" : fmt::format("; --metric {}", kind.metrics));
}

std::string kinds_text() {
  std::string text = "Figures, and what each is drawn of:\n";
  for (const auto& kind : figure_kinds()) {
    const char* recorded = kind.name == "speed" ? ", or of what it recorded, --db FILE" : "";
    text += kind_text(kind, fmt::format("`lacuna {}`{}", kind.command, recorded));
  }
  for (const auto& kind : kDatabaseKinds)
    text += kind_text(kind, "a database, --db FILE [--model NAME] [--dataset NAME]");
  return text;
}

std::vector<std::string> kind_names() {
  std::vector<std::string> names;
  for (const auto& kind : figure_kinds()) names.emplace_back(kind.name);
  for (const auto& kind : kDatabaseKinds) names.emplace_back(kind.name);
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
  command.add_option("--run", options->figure.run, "which run with this k, counted from 0")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_option("--db", options->database.database, "result database, for perplexity, similarity and speed")
      ->capture_default_str()
      ->type_name("FILE");
  command.add_option("--model", options->database.model, "which model of the database; default: the only one")
      ->type_name("NAME");
  command.add_option("--dataset", options->database.dataset, "which text of the database; default: the only one")
      ->type_name("NAME");
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
  app.on_run(command, [options, given = &command](const Session& session) {
    options->database_given = (*given)["--db"]->count() > 0;
    run_plot(session, *options);
  });
}

}  // namespace lacuna::cli
