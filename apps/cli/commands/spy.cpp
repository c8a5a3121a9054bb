// `lacuna spy`: the pattern of one matrix as a picture.
#include <fmt/format.h>

#include "commands.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/render/spy.hpp"
#include "matrix_argument.hpp"

namespace lacuna::cli {
namespace {
namespace fs = std::filesystem;

struct SpyCommand {
  MatrixArgument matrix;
  fs::path out;
  std::string title;
  bool svg = false;
  int max_pixels = 1600;
};

void run_spy(const Session& session, const SpyCommand& command) {
  const MatrixSet set = MatrixSet::open(command.matrix.what);
  const WeightMatrix& matrix = choose_matrix(set, command.matrix.matrix);
  require_distinct_paths(command.out, matrix.source);
  SpyOptions options;
  options.title = command.title.empty() ? matrix_title(set, matrix) : command.title;
  options.max_plot_px = command.max_pixels;
  const auto pattern = spy_pattern(matrix.view);
  Json document = {{"out", command.out.string()}, {"title", options.title}, {"shape", matrix.view.shape}};
  if (command.svg || command.out.extension() == ".svg") {
    write_spy_svg(command.out, pattern, options);
  } else {
    const auto image = write_spy_png(command.out, pattern, options);
    document["width"] = image.width_px;
    document["height"] = image.height_px;
    document["sparsity"] = image.sparsity;
    document["description"] = image.description;
    session.print(fmt::format("{}: {} × {} pixels. {}", command.out.string(), image.width_px, image.height_px,
                              image.description));
  }
  set.check_intact();
  session.print_json(document);
}

}  // namespace

void add_spy(Application& app) {
  auto& command = app.command("Look", "spy", "Draw where a matrix is not zero");
  auto options = std::make_shared<SpyCommand>();
  add_matrix_argument(command, options->matrix);
  command.add_option("-o,--out", options->out, "picture to write: .png or .svg")->required()->type_name("FILE");
  command.add_option("--title", options->title, "default: matrix and source")->type_name("TEXT");
  command.add_option("--max", options->max_pixels, "longest side of the plot; larger matrices are averaged down")
      ->check(CLI::Range(16, 8192))
      ->capture_default_str();
  command.add_flag("--svg", options->svg, "write SVG (small matrices)");
  command.footer(
      "Example: lacuna spy pruned --matrix 0.mlp.down_proj -o spy.png\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_spy(session, *options); });
}

}  // namespace lacuna::cli
