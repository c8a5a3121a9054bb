// `lacuna spy`: the pattern of one matrix as a picture.
#include <fmt/format.h>

#include "commands.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/matrix_set.hpp"
#include "lacuna/render/spy.hpp"

namespace lacuna::cli {
namespace {
namespace fs = std::filesystem;

struct SpyCommand {
  std::string what;
  std::string matrix;
  fs::path out;
  std::string title;
  bool svg = false;
  int max_pixels = 1600;
};

const WeightMatrix& choose(const MatrixSet& set, const std::string& wanted) {
  const auto& matrices = set.matrices();
  if (wanted.empty() && matrices.size() == 1) return matrices[0];
  const auto key = parse_mask_key(wanted);
  for (const auto& matrix : matrices) {
    if (matrix.tensor_name == wanted || matrix.component == wanted) return matrix;
    if (key && matrix.layer == key->layer && matrix.component == key->component) return matrix;
  }
  const auto& first = matrices.front();
  const std::string example =
      first.layer == kNoLayer ? first.component : format_mask_key({first.layer, first.component});
  if (wanted.empty()) {
    throw Error(ErrorCode::missing_argument, fmt::format("{} holds {} matrices", set.reference(), matrices.size()))
        .hint(fmt::format("choose one: --matrix {}", example));
  }
  throw Error(ErrorCode::missing_tensor, fmt::format("{} holds no matrix {}", set.reference(), wanted))
      .hint(fmt::format("they are named like {}", example));
}

std::string default_title(const MatrixSet& set, const WeightMatrix& matrix) {
  const std::string place = matrix.layer == kNoLayer ? matrix.component : matrix.label();
  return fmt::format("{} · {}", place, fs::path(set.reference()).filename().string());
}

void run_spy(const Session& session, const SpyCommand& command) {
  const MatrixSet set = MatrixSet::open(command.what);
  const WeightMatrix& matrix = choose(set, command.matrix);
  require_distinct_paths(command.out, matrix.source);
  SpyOptions options;
  options.title = command.title.empty() ? default_title(set, matrix) : command.title;
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
  command.add_option("what", options->what, "tensor file, folder of the scripts' .pt files, or model")
      ->required()
      ->type_name("FILE|MODEL");
  command.add_option("-o,--out", options->out, "picture to write: .png or .svg")->required()->type_name("FILE");
  command.add_option("--matrix", options->matrix, "which matrix: LAYER.COMPONENT or a tensor's name")
      ->type_name("NAME");
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
