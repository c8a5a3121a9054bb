// `lacuna compare`: what two or more sets of matrices have in common.
#include <fmt/format.h>

#include <cmath>

#include "commands.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/study/analyses/comparison.hpp"

namespace lacuna::cli {
namespace {

struct CompareOptions {
  std::vector<std::string> references;
  bool summary = false;
};

std::string layer_text(int layer) { return layer == kNoLayer ? "–" : std::to_string(layer); }
Json layer_json(int layer) { return layer == kNoLayer ? Json(nullptr) : Json(layer); }

Json metric_json(const MeanStd& summary, const std::vector<double>& values, bool with_values) {
  Json json = {{"mean", summary.mean}, {"std", summary.std}};
  if (with_values) json["per_feature"] = values;
  return json;
}

Json to_json(const MatrixComparison& comparison, bool with_values) {
  const auto& r = comparison.record;
  return {{"layer", layer_json(r.layer)},
          {"component", r.component},
          {"axis", r.axis},
          {"rows", r.rows},
          {"cols", r.cols},
          {"features", r.features},
          {"jaccard", metric_json(r.jaccard, comparison.features.jaccard, with_values)},
          {"cosine", metric_json(r.cosine, comparison.features.cosine, with_values)},
          {"hamming", metric_json(r.hamming, comparison.features.hamming, with_values)},
          {"matrix", {{"jaccard", *r.matrix_jaccard}, {"cosine", *r.matrix_cosine}, {"hamming", *r.matrix_hamming}}}};
}

Json to_json(const SetComparison& comparison, bool with_values) {
  Json matrices = Json::array();
  for (const auto& matrix : comparison.matrices) matrices.push_back(to_json(matrix, with_values));
  Json unpaired = Json::array();
  for (const auto& matrix : comparison.unpaired) {
    unpaired.push_back(
        {{"in", matrix.reference}, {"layer", layer_json(matrix.layer)}, {"component", matrix.component}});
  }
  return {{"matrices", matrices}, {"unpaired", unpaired}};
}

std::string mean_std(const MeanStd& summary) { return fmt::format("{:.4f} ± {:.4f}", summary.mean, summary.std); }

void print_pair(const Session& session, const SetComparison& comparison) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "component", "feature", "features", "jaccard", "cosine", "hamming"}};
  for (const auto& matrix : comparison.matrices) {
    const auto& r = matrix.record;
    rows.push_back({layer_text(r.layer), r.component, r.axis, std::to_string(r.features), mean_std(r.jaccard),
                    mean_std(r.cosine), mean_std(r.hamming)});
  }
  session.print(text_table(rows));
  for (const auto& matrix : comparison.unpaired) {
    session.note(
        fmt::format("no partner: layer {} {} of {}", layer_text(matrix.layer), matrix.component, matrix.reference));
  }
}

// Mean over matrices of the mean over features.
MeanStd overall(const SetComparison& comparison, MeanStd ComparisonRecord::* metric) {
  double sum = 0.0;
  double squares = 0.0;
  for (const auto& matrix : comparison.matrices) {
    const double mean = (matrix.record.*metric).mean;
    sum += mean;
    squares += mean * mean;
  }
  const auto n = static_cast<double>(comparison.matrices.size());
  return {sum / n, std::sqrt(std::max(0.0, squares / n - sum / n * (sum / n)))};
}

void run_all_pairs(const Session& session, const CompareOptions& options, const std::vector<MatrixSet>& sets) {
  const auto n = sets.size();
  std::vector<std::vector<double>> jaccard(n, std::vector<double>(n, 1.0));
  auto cosine = jaccard;
  std::vector<std::vector<double>> hamming(n, std::vector<double>(n, 0.0));
  Json pairs = Json::array();
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j < n; ++j) {
      const auto comparison = compare_sets(sets[i], sets[j], session.context());
      jaccard[i][j] = jaccard[j][i] = overall(comparison, &ComparisonRecord::jaccard).mean;
      cosine[i][j] = cosine[j][i] = overall(comparison, &ComparisonRecord::cosine).mean;
      hamming[i][j] = hamming[j][i] = overall(comparison, &ComparisonRecord::hamming).mean;
      if (!session.json()) continue;
      Json pair = {{"a", options.references[i]}, {"b", options.references[j]}};
      pair.update(to_json(comparison, !options.summary));
      pairs.push_back(std::move(pair));
    }
  }
  for (const auto& [name, values] :
       {std::pair{"jaccard", &jaccard}, std::pair{"cosine", &cosine}, std::pair{"hamming", &hamming}}) {
    std::vector<std::vector<std::string>> rows = {{name}};
    for (std::size_t i = 0; i < n; ++i) {
      rows[0].push_back(std::to_string(i + 1));
      rows.push_back({fmt::format("[{}] {}", i + 1, options.references[i])});
      for (std::size_t j = 0; j < n; ++j) rows.back().push_back(fmt::format("{:.4f}", (*values)[i][j]));
    }
    session.print(text_table(rows));
  }
  session.print_json({{"arguments", options.references},
                      {"jaccard", jaccard},
                      {"cosine", cosine},
                      {"hamming", hamming},
                      {"pairs", pairs}});
}

void run_compare(const Session& session, const CompareOptions& options) {
  std::vector<MatrixSet> sets;
  for (const auto& reference : options.references) sets.push_back(MatrixSet::open(reference));
  if (sets.size() > 2) return run_all_pairs(session, options, sets);
  const auto comparison = compare_sets(sets[0], sets[1], session.context());
  print_pair(session, comparison);
  Json document = {{"a", options.references[0]}, {"b", options.references[1]}};
  document.update(to_json(comparison, !options.summary));
  session.print_json(document);
}

}  // namespace

void add_compare(Application& app) {
  auto& command = app.command("Measure", "compare", "Compare what two or more pruned models or matrices keep");
  auto options = std::make_shared<CompareOptions>();
  command.add_option("what", options->references, "tensor files, folders of the scripts' .pt files, models; any mix")
      ->required()
      ->expected(2, 64)
      ->type_name("A B …");
  command.add_flag("--summary", options->summary, "leave the per-feature vectors out of --json");
  command.footer(
      "Features are rows of down_proj and columns of every other projection. Pairs are made by layer and\n"
      "component. More than two arguments give a matrix of all pairs (means over matrices).\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_compare(session, *options); });
}

}  // namespace lacuna::cli
