#include "lacuna/study/analyses/matrix_origin.hpp"

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/study/pruning/prune_output.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

constexpr int kFoldersAbove = 3;  // method/layer-N/file, and one more

std::string script_name(const WeightMatrix& matrix, const PruneRecipe& recipe) {
  ScriptFileName name{matrix.layer, matrix.component, SparsityPattern{recipe.target.n, recipe.target.m},
                      recipe.target.sparsity};
  const auto file = format_script_file_name(name);
  return file.substr(0, file.rfind(".pt"));
}

std::string method_of_folders(fs::path file) {
  for (int above = 0; above < kFoldersAbove && file.has_parent_path(); ++above) {
    file = file.parent_path();
    if (const auto folder = parse_script_folder_name(file.filename().string())) return folder->method;
  }
  return {};
}

}  // namespace

std::optional<PruneRecipe> recorded_recipe(const MatrixSet& set) {
  const fs::path record = fs::path(set.reference()) / kRecordName;
  std::error_code ignored;
  if (set.kind() != MatrixSetKind::checkpoint || !fs::exists(record, ignored)) return std::nullopt;
  try {
    return read_output_record(record).recipe;
  } catch (const Error&) {
    return std::nullopt;
  }
}

MatrixOrigin matrix_origin(const MatrixSet& set, const WeightMatrix& matrix) {
  if (const auto recipe = recorded_recipe(set); recipe && matrix.layer != kNoLayer) {
    return {recipe_id(*recipe), recipe->method, script_name(matrix, *recipe)};
  }
  MatrixOrigin origin;
  const bool named = parse_script_file_name(matrix.source.filename().string()).has_value();
  origin.name = named                      ? matrix.source.stem().string()
                : matrix.layer == kNoLayer ? matrix.component
                                           : format_script_file_name({matrix.layer, matrix.component, {}, {}});
  if (!named && origin.name.ends_with(".pt")) origin.name.resize(origin.name.size() - 3);
  origin.method = method_of_folders(matrix.source);
  return origin;
}

AnalysisRecord analysis_of(const MatrixSet& set, const WeightMatrix& matrix) {
  AnalysisRecord analysis;
  analysis.source = set.reference();
  analysis.run_id = matrix_origin(set, matrix).run_id;
  analysis.layer = matrix.layer;
  analysis.component = matrix.component;
  analysis.rows = matrix.view.shape[0];
  analysis.cols = matrix.view.shape[1];
  analysis.threads = thread_count();
  return analysis;
}

}  // namespace lacuna
