// `lacuna threshold`: zero the small weights of matrices.
#include <fmt/format.h>

#include "analysis_argument.hpp"
#include "commands.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/study/analyses/analysis_results.hpp"
#include "lacuna/study/analyses/matrix_origin.hpp"
#include "lacuna/study/analyses/threshold_run.hpp"

namespace lacuna::cli {
namespace {

struct ThresholdCommand {
  ThresholdRequest request;
  DatabaseArgument database;
  double threshold = -1.0;
  double sparsity = -1.0;
  bool preset = false;
  int layer = -1;
  std::string component;
};

ThresholdRequest request_of(const ThresholdCommand& command, bool given, bool targeted) {
  if (static_cast<int>(given) + static_cast<int>(targeted) + static_cast<int>(command.preset) != 1) {
    throw Error(ErrorCode::missing_argument, "expected one of --threshold T, --sparsity S and --preset");
  }
  ThresholdRequest request = command.request;
  if (given) request.value = command.threshold;
  if (targeted) {
    request.kind = ThresholdKind::sparsity;
    request.value = command.sparsity;
  }
  if (command.preset) request.kind = ThresholdKind::preset;
  if (command.layer >= 0) request.selection.layer = command.layer;
  if (!command.component.empty()) request.selection.component = command.component;
  return request;
}

Json options_json(const ThresholdRequest& request) {
  constexpr const char* kKinds[] = {"threshold", "preset", "sparsity"};
  const bool valued = request.kind != ThresholdKind::preset;
  return {{"kind", kKinds[static_cast<int>(request.kind)]},
          {"value", valued ? Json(request.value) : Json(nullptr)},
          {"layer", request.selection.layer ? Json(*request.selection.layer) : Json(nullptr)},
          {"component", request.selection.component ? Json(*request.selection.component) : Json(nullptr)}};
}

Json curve_json(const ThresholdedMatrix& matrix) {
  Json curve = Json::array();
  for (const auto& point : matrix.curve) curve.push_back({point.sparsity, point.threshold, point.energy_kept});
  return curve;
}

void run_threshold(const Session& session, const ThresholdRequest& request, const DatabaseArgument& database) {
  const AnalysisStore store(database, "threshold", 0);
  const auto matrices = apply_thresholds(request, session.context());
  if (store.wanted()) {
    AnalysisResults results;
    results.analysis.source = request.reference;
    const auto set = MatrixSet::open(request.reference, request.selection);
    if (!set.matrices().empty()) results.analysis.run_id = matrix_origin(set, set.matrices().front()).run_id;
    results.weights = weight_records(matrices);
    store.save(std::move(results), options_json(request));
  }
  session.finish_progress();
  std::vector<std::vector<std::string>> rows = {
      {"layer", "component", "threshold", "zeros before", "zeros", "energy kept", "pattern"}};
  Json list = Json::array();
  for (const auto& m : matrices) {
    const bool layered = m.layer != kNoLayer;
    rows.push_back({layered ? std::to_string(m.layer) : "–", m.component, fmt::format("{:.6g}", m.threshold),
                    fmt::format("{:.4f}", m.sparsity_before), fmt::format("{:.4f}", m.sparsity),
                    fmt::format("{:.4f}", m.energy_kept), m.pattern});
    list.push_back({{"layer", layered ? Json(m.layer) : Json(nullptr)},
                    {"component", m.component},
                    {"rows", m.rows},
                    {"cols", m.cols},
                    {"threshold", m.threshold},
                    {"sparsity_before", m.sparsity_before},
                    {"sparsity", m.sparsity},
                    {"energy_kept", m.energy_kept},
                    {"pattern", m.pattern},
                    {"curve", curve_json(m)},
                    {"output", m.output.empty() ? Json(nullptr) : Json(m.output.string())}});
  }
  session.print(text_table(rows));
  session.print_json({{"what", request.reference},
                      {"out", request.out.empty() ? Json(nullptr) : Json(request.out.string())},
                      {"matrices", list}});
}

}  // namespace

void add_threshold(Application& app) {
  auto& command = app.command("Prune", "threshold", "Zero the weights below a threshold; report what results");
  auto options = std::make_shared<ThresholdCommand>();
  command.add_option("what", options->request.reference, "tensor file, folder of the scripts' .pt files, model")
      ->required()
      ->type_name("FILE|MODEL");
  auto* given = command.add_option("--threshold", options->threshold, "entries with |w| ≤ T become 0")->type_name("T");
  auto* targeted =
      command.add_option("--sparsity", options->sparsity, "T is this quantile of each matrix's |w|")->type_name("S");
  command.add_flag("--preset", options->preset, "the research scripts' thresholds for 90 %, by component");
  command.add_option("--layer", options->layer, "only this layer")->check(CLI::NonNegativeNumber);
  command.add_option("--component", options->component, "only this component, e.g. mlp.down_proj");
  command.add_option("-o,--out", options->request.out, "write .pt files as the scripts name them; must not exist")
      ->type_name("DIR");
  add_database_argument(command, options->database);
  command.footer(
      "Example: lacuna threshold model --sparsity 0.9 --component mlp.down_proj -o thresholded\n"
      "         lacuna threshold model --preset --json | lacuna plot thresholds - -o thresholds.pdf\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options, given, targeted](const Session& session) {
    run_threshold(session, request_of(*options, given->count() > 0, targeted->count() > 0), options->database);
  });
}

}  // namespace lacuna::cli
