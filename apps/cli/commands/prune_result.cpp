#include "prune_result.hpp"

#include <fmt/format.h>

namespace lacuna::cli {
namespace {

Json job_json(const PruneJobResult& job) {
  Json matrices = Json::array();
  for (const auto& m : job.matrices) {
    matrices.push_back({{"layer", m.layer},
                        {"component", m.component},
                        {"rows", m.rows},
                        {"cols", m.cols},
                        {"sparsity", m.sparsity},
                        {"pattern", m.pattern},
                        {"l2", m.l2},
                        {"relative_error", m.relative_error ? Json(*m.relative_error) : Json(nullptr)},
                        {"damping", m.damping},
                        {"damping_raises", m.damping_raises},
                        {"dead_columns", m.dead_columns}});
  }
  return {{"method", job.recipe.method},
          {"target", job.recipe.target.label()},
          {"n", job.recipe.target.n},
          {"m", job.recipe.target.m},
          {"target_sparsity", job.recipe.target.sparsity},
          {"sparsity", job.sparsity},
          {"out", job.output.string()},
          {"recipe_id", recipe_id(job.recipe)},
          {"elapsed_seconds", job.elapsed_seconds},
          {"matrices", matrices}};
}

double mean_error(const PruneJobResult& job) {
  double sum = 0.0;
  int n = 0;
  for (const auto& matrix : job.matrices) {
    if (!matrix.relative_error) continue;
    sum += *matrix.relative_error;
    ++n;
  }
  return n == 0 ? -1.0 : sum / n;
}

}  // namespace

void print_prune_result(const Session& session, const PruneRunResult& result) {
  std::vector<std::vector<std::string>> rows = {{"method", "target", "sparsity", "mean error", "time", "output"}};
  Json runs = Json::array();
  for (const auto& job : result.jobs) {
    const double error = mean_error(job);
    rows.push_back({job.recipe.method, job.recipe.target.label(), fmt::format("{:.4f}", job.sparsity),
                    error < 0.0 ? "–" : fmt::format("{:.4f}", error), human_seconds(job.elapsed_seconds),
                    job.output.string()});
    runs.push_back(job_json(job));
  }
  if (result.was_complete) session.note("The output was complete already.");
  session.print(text_table(rows));
  session.print_json({{"runs", runs}, {"was_complete", result.was_complete}});
}

}  // namespace lacuna::cli
