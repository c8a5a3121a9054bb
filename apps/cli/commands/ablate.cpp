// `lacuna ablate`: pruned variants against each other, across methods, patterns and sparsities.
#include <fmt/format.h>

#include "analysis_argument.hpp"
#include "commands.hpp"
#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/render/chart_export.hpp"
#include "lacuna/render/page.hpp"
#include "lacuna/store/database.hpp"
#include "lacuna/store/store_reader.hpp"
#include "lacuna/study/analyses/ablation.hpp"

namespace lacuna::cli {
namespace {
namespace fs = std::filesystem;

struct AblateCommand {
  std::vector<std::string> references;
  DatabaseArgument database;
  bool all = false;
  std::string metric = "jaccard";
  fs::path out;
};

bool is_database(const std::string& reference) {
  const auto extension = fs::path(reference).extension();
  return extension == ".db" || extension == ".duckdb";
}

Ablation make_ablation(const Session& session, const AblateCommand& command) {
  const auto& file = command.database.file;
  if (is_database(command.references.front())) {
    if (command.references.size() > 1)
      throw Error(ErrorCode::invalid_argument, "expected one database and nothing else");
    if (!file.empty()) {
      throw Error(ErrorCode::invalid_argument, "--db: a database's own comparisons are stored already").at(file);
    }
    StoreReader reader(command.references.front());
    return ablate_stored(reader.source(), command.all);
  }
  refuse_other_files(file);
  const auto sources = open_variants(command.references);
  auto ablation = ablate(sources, command.all, session.context());
  if (!file.empty()) {
    Database database(file);
    store_ablation(sources, ablation, database, database);
  }
  return ablation;
}

std::string mean_std(const MeanStd& m) { return fmt::format("{:.4f} ± {:.4f}", m.mean, m.std); }
std::string optional_text(const std::optional<double>& value) { return value ? fmt::format("{:.4f}", *value) : "–"; }
Json mean_std_json(const MeanStd& m) { return {{"mean", m.mean}, {"std", m.std}}; }
Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

void print_pairs(const Session& session, const Ablation& ablation) {
  std::vector<std::vector<std::string>> rows = {
      {"projection", "across", "a", "b", "layers", "jaccard", "by chance", "cosine", "hamming", "by chance"}};
  for (const auto& pair : ablation.pairs) {
    rows.push_back({pair.projection, pair.across, ablation.variants[pair.a].label, ablation.variants[pair.b].label,
                    std::to_string(pair.layers), mean_std(pair.jaccard), optional_text(pair.jaccard_chance),
                    mean_std(pair.cosine), mean_std(pair.hamming), optional_text(pair.hamming_chance)});
  }
  session.print(text_table(rows));
}

Json ablation_json(const AblateCommand& command, const Ablation& ablation) {
  Json variants = Json::array();
  for (const auto& v : ablation.variants) {
    variants.push_back({{"label", v.label},
                        {"method", v.method.empty() ? Json(nullptr) : Json(v.method)},
                        {"sparsity", optional_json(v.sparsity)},
                        {"n", v.n},
                        {"m", v.m}});
  }
  Json pairs = Json::array();
  for (const auto& p : ablation.pairs) {
    pairs.push_back(
        {{"projection", p.projection},
         {"across", p.across},
         {"a", ablation.variants[p.a].label},
         {"b", ablation.variants[p.b].label},
         {"layers", p.layers},
         {"jaccard", mean_std_json(p.jaccard)},
         {"cosine", mean_std_json(p.cosine)},
         {"hamming", mean_std_json(p.hamming)},
         {"chance", {{"jaccard", optional_json(p.jaccard_chance)}, {"hamming", optional_json(p.hamming_chance)}}}});
  }
  return {{"arguments", command.references},
          {"variants", variants},
          {"pairs", pairs},
          {"out", command.out.empty() ? Json(nullptr) : Json(command.out.string())}};
}

Table pair_table(const Ablation& ablation) {
  Table table;
  table.columns = {
      {"projection"},   {"across"},       {"a"}, {"b"}, {"layers", true}, {"jaccard", true}, {"by chance", true},
      {"cosine", true}, {"hamming", true}};
  for (const auto& p : ablation.pairs) {
    table.rows.push_back({text_cell(p.projection), text_cell(p.across), text_cell(ablation.variants[p.a].label),
                          text_cell(ablation.variants[p.b].label), count_cell(p.layers), number_cell(p.jaccard.mean, 4),
                          p.jaccard_chance ? number_cell(*p.jaccard_chance, 4) : text_cell("–"),
                          number_cell(p.cosine.mean, 4), number_cell(p.hamming.mean, 4)});
  }
  return table;
}

void write_figure(const Session& session, const AblateCommand& command, const Ablation& ablation) {
  const auto metric = command.metric == "jaccard"  ? AblationMeasure::jaccard
                      : command.metric == "cosine" ? AblationMeasure::cosine
                                                   : AblationMeasure::hamming;
  if (picture_format(command.out) != PictureFormat::html) {
    write_chart(command.out, ablation_chart(ablation, metric), {}, session.context());
    return;
  }
  Page page("Ablation", fmt::format("{} variants against each other", ablation.variants.size()));
  page.section("Heat maps");
  for (const auto measure : {AblationMeasure::jaccard, AblationMeasure::cosine, AblationMeasure::hamming})
    page.chart(ablation_chart(ablation, measure));
  for (const char* across : {"patterns", "sparsities"}) {
    if (const auto chart = ablation_by_method_chart(ablation, across, AblationMeasure::jaccard)) page.chart(*chart);
  }
  page.section("Every pair");
  page.table(pair_table(ablation), "Mean over layers of the mean over features");
  page.paragraph(
      "By chance: the Jaccard similarity of independent masks with the variants' target sparsities p and q kept, "
      "pq / (p + q − pq).");
  page.write(command.out);
}

void run_ablate(const Session& session, const AblateCommand& command) {
  if (!command.out.empty()) {
    picture_format(command.out);  // a wrong name is told before any work
    for (const auto& reference : command.references) require_distinct_paths(command.out, reference);
  }
  const auto ablation = make_ablation(session, command);
  session.finish_progress();
  if (!command.out.empty()) write_figure(session, command, ablation);
  print_pairs(session, ablation);
  if (!command.out.empty()) session.print(command.out.string());
  session.print_json(ablation_json(command, ablation));
}

}  // namespace

void add_ablate(Application& app) {
  auto& command = app.command("Measure", "ablate", "Compare pruned variants across methods, patterns and sparsities");
  auto options = std::make_shared<AblateCommand>();
  command
      .add_option("what", options->references,
                  "pruned models, folders of them or of the scripts' .pt files, or a study's sparsity.db")
      ->required()
      ->expected(1, 64)
      ->type_name("A B …|DB");
  command.add_flag("--all", options->all, "also pairs that differ in more than one thing");
  command.add_option("--metric", options->metric, "of a single picture: jaccard, cosine or hamming")
      ->check(CLI::IsMember({"jaccard", "cosine", "hamming"}))
      ->capture_default_str();
  command
      .add_option("-o,--out", options->out,
                  "heat maps to write: .html (all three, and the table), .svg, .pdf, .png or .json (one)")
      ->type_name("FILE");
  add_database_argument(command, options->database);
  command.footer(
      "Per projection and pair: mean ± standard deviation over layers of the mean over features, beside what\n"
      "independent masks of these sparsities give.\n"
      "Example: lacuna ablate out/demo/sparsity.db -o ablation.html\n"
      "         lacuna ablate out/demo/models --json | lacuna plot ablation-patterns - -o patterns.pdf\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_ablate(session, *options); });
}

}  // namespace lacuna::cli
