// `lacuna query` and `lacuna export`: questions to a result database, and all of it as Parquet.
#include <fmt/format.h>

#include "commands.hpp"
#include "lacuna/store/query.hpp"
#include "lacuna/store/table_format.hpp"

namespace lacuna::cli {
namespace {
namespace fs = std::filesystem;

struct QueryCommand {
  std::string sql;
  fs::path database = "sparsity.db";
  bool csv = false;
  bool markdown = false;
  fs::path folder;
};

void run_query(const Session& session, const QueryCommand& command) {
  const auto table = query_store(command.database, command.sql, session.context());
  if (session.json()) {
    fmt::print("{}", table_to_json(table));
  } else {
    session.print(command.csv        ? table_to_csv(table)
                  : command.markdown ? table_to_markdown(table)
                                     : table_to_box(table));
  }
}

void run_export(const Session& session, const QueryCommand& command) {
  export_parquet(command.database, command.folder, session.context());
  Json files = Json::array();
  for (const auto& entry : fs::directory_iterator(command.folder)) files.push_back(entry.path().filename().string());
  std::sort(files.begin(), files.end());
  session.print(fmt::format("{}: {} tables", command.folder.string(), files.size()));
  session.print_json({{"out", command.folder.string()}, {"files", files}});
}

}  // namespace

void add_query(Application& app) {
  auto& command = app.command("Store", "query", "Ask a result database in SQL (read-only, locked down)");
  auto options = std::make_shared<QueryCommand>();
  command.add_option("sql", options->sql, "one statement, or several with semicolons")->required()->type_name("SQL");
  command.add_option("--db", options->database, "the database")->capture_default_str()->type_name("FILE");
  auto* csv = command.add_flag("--csv", options->csv, "RFC 4180");
  command.add_flag("--markdown", options->markdown, "a pipe table")->excludes(csv);
  command.footer(
      "Example: lacuna query \"select method, sparsity, perplexity from evaluations join runs using (run_id)\"\n"
      "docs/store.md shows the tables.\n"
      "Also: --json, --quiet, --progress MODE, --threads T (see `lacuna help`).");
  app.on_run(command, [options](const Session& session) { run_query(session, *options); });
}

void add_export(Application& app) {
  auto& command = app.command("Store", "export", "Write every table of a result database as Parquet");
  auto options = std::make_shared<QueryCommand>();
  command.add_option("--db", options->database, "the database")->capture_default_str()->type_name("FILE");
  command.add_option("-o,--out", options->folder, "folder to write; must not exist")->required()->type_name("DIR");
  app.on_run(command, [options](const Session& session) { run_export(session, *options); });
}

}  // namespace lacuna::cli
