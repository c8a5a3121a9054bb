// `lacuna report`: one page on everything in a database.
#include <fmt/format.h>

#include "commands.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/version.hpp"
#include "lacuna/store/store_reader.hpp"
#include "lacuna/study/report/findings.hpp"
#include "lacuna/study/report/store_report.hpp"

namespace lacuna::cli {
namespace {
namespace fs = std::filesystem;

struct ReportCommand {
  fs::path database;
  fs::path out;
  std::string title;
};

Json finding_json(const Finding& f) {
  return {{"model", f.model},
          {"method", f.method.empty() ? Json(nullptr) : Json(f.method)},
          {"run", f.run},
          {"layer", f.layer < 0 ? Json(nullptr) : Json(f.layer)},
          {"component", f.component},
          {"statistic", f.statistic},
          {"observed", f.value},
          {"null", {{"model", f.null_model}, {"draws", f.draws}, {"mean", f.null_mean}, {"std", f.null_std}}},
          {"z", f.z ? Json(*f.z) : Json(nullptr)},
          {"p", f.p},
          {"p_adjusted", f.adjusted},
          {"found", f.found}};
}

Json group_json(const FindingGroup& group) {
  return {{"projection", group.projection},
          {"method", group.method},
          {"tests", group.tests},
          {"found", group.found},
          {"strongest", finding_json(group.strongest)},
          {"interpretation", group.interpretation}};
}

void print_groups(const Session& session, const std::vector<FindingGroup>& groups) {
  if (groups.empty()) return session.print("No test of structure is recorded.");
  std::vector<std::vector<std::string>> rows = {
      {"projection", "method", "tests", "find structure", "strongest", "observed", "by chance", "p (adjusted)"}};
  for (const auto& g : groups) {
    const auto& s = g.strongest;
    rows.push_back({g.projection, g.method, std::to_string(g.tests), std::to_string(g.found), s.statistic,
                    fmt::format("{:.5g}", s.value), fmt::format("{:.5g} ± {:.2g}", s.null_mean, s.null_std),
                    fmt::format("{:.3g}", s.adjusted)});
  }
  session.print(text_table(rows));
  for (const auto& g : groups) session.print(fmt::format("{}, {}: {}", g.projection, g.method, g.interpretation));
}

Json floor_json(const FindingFloor& floor) {
  return {{"tests", floor.tests},           {"draws", floor.draws},
          {"smallest_p", floor.smallest_p}, {"smallest_p_adjusted_alone", floor.smallest_alone},
          {"at_floor", floor.at_floor},     {"draws_needed_alone", floor.draws_needed}};
}

ReportContents contents_of(const ReportCommand& command, std::vector<StudyModelView> models, int version) {
  ReportContents contents;
  contents.title = command.title.empty() ? command.database.stem().string() : command.title;
  contents.description = fmt::format("Everything in {}", command.database.filename().string());
  contents.models = std::move(models);
  contents.provenance = {{"database", command.database.string()},
                         {"schema version", std::to_string(version)},
                         {"lacuna", fmt::format("{} ({})", lacuna::version(), commit())}};
  return contents;
}

void run_report(const Session& session, const ReportCommand& command) {
  if (!command.out.empty()) require_distinct_paths(command.out, command.database);
  StoreReader reader(command.database);
  const auto contents = contents_of(command, store_views(reader.source()), reader.version());
  const auto findings = collect_findings(contents.models);
  const auto groups = group_findings(findings);
  if (!command.out.empty()) write_report(contents, command.out);
  print_groups(session, groups);
  if (!findings.empty()) session.print(finding_floor(findings).text());
  if (!command.out.empty()) session.print(command.out.string());
  Json models = Json::array();
  for (const auto& model : contents.models)
    models.push_back({{"name", model.name}, {"runs", model.runs.size()}, {"analyses", model.analyses.size()}});
  Json list = Json::array();
  for (const auto& finding : findings) list.push_back(finding_json(finding));
  Json grouped = Json::array();
  for (const auto& group : groups) grouped.push_back(group_json(group));
  session.print_json({{"database", command.database.string()},
                      {"schema_version", reader.version()},
                      {"out", command.out.empty() ? Json(nullptr) : Json(command.out.string())},
                      {"models", models},
                      {"floor", floor_json(finding_floor(findings))},
                      {"groups", grouped},
                      {"findings", list}});
}

}  // namespace

void add_report(Application& app) {
  auto& command = app.command("Study", "report", "Report on everything in a database: which structure exists, ranked");
  auto options = std::make_shared<ReportCommand>();
  command.add_option("database", options->database, "a study's sparsity.db, or what --db wrote")
      ->required()
      ->type_name("FILE");
  command.add_option("-o,--out", options->out, "page to write: .html")->type_name("FILE");
  command.add_option("--title", options->title, "of the page; default: the database's name")->type_name("TEXT");
  command.footer(
      "Per projection and method: how many tests find more structure than chance (adjusted p ≤ 0.05, Benjamini and\n"
      "Hochberg over all tests of the database), and the strongest. The database is only read.\n"
      "Example: lacuna report out/demo/sparsity.db -o report.html\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_report(session, *options); });
}

}  // namespace lacuna::cli
