// `lacuna study`: a whole recipe, from models to a report.
#include <fmt/format.h>

#include "commands.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/store/database.hpp"
#include "lacuna/study/study_run.hpp"

namespace lacuna::cli {
namespace {
namespace fs = std::filesystem;

struct StudyCommand {
  fs::path file;
  fs::path out;
};

void run_study_command(const Session& session, const StudyCommand& command) {
  const Study study = read_study(command.file);
  const fs::path out = command.out.empty() ? study.out : command.out;
  std::error_code failure;
  fs::create_directories(out, failure);
  if (failure) throw errno_error(failure.value(), "create the folder", out);
  Database database(out / "sparsity.db");
  const auto result = run_study(study, out, database, database, session.context());
  session.print(text_table({{"pruned", std::to_string(result.models_pruned)},
                            {"evaluated", std::to_string(result.evaluations_made)},
                            {"compared", std::to_string(result.comparisons_made)},
                            {"structure", std::to_string(result.structures_measured)},
                            {"analyses", std::to_string(result.analyses_made)},
                            {"done before", std::to_string(result.steps_skipped)},
                            {"database", (out / "sparsity.db").string()},
                            {"report", result.report.string()}}));
  session.print_json({{"out", out.string()},
                      {"report", result.report.string()},
                      {"database", (out / "sparsity.db").string()},
                      {"models_pruned", result.models_pruned},
                      {"evaluations_made", result.evaluations_made},
                      {"comparisons_made", result.comparisons_made},
                      {"structures_measured", result.structures_measured},
                      {"analyses_made", result.analyses_made},
                      {"steps_skipped", result.steps_skipped}});
}

}  // namespace

void add_study(Application& app) {
  auto& command = app.command("Study", "study", "Run a study file: prune, evaluate, compare, store, draw, report");
  auto options = std::make_shared<StudyCommand>();
  command.add_option("study", options->file, "TOML file (docs/study.md)")->required()->type_name("STUDY.toml");
  command.add_option("-o,--out", options->out, "output folder (default: the study's `out`)")->type_name("DIR");
  command.footer(
      "What is done already is skipped, so a stopped or extended study goes on.\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_study_command(session, *options); });
}

}  // namespace lacuna::cli
