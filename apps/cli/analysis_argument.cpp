#include "analysis_argument.hpp"

#include "lacuna/core/threads.hpp"
#include "lacuna/store/database.hpp"
#include "lacuna/study/analyses/matrix_origin.hpp"

namespace lacuna::cli {

void add_database_argument(CLI::App& command, DatabaseArgument& argument) {
  command.add_option("--db", argument.file, "also record the result in this database")->type_name("FILE");
}

void refuse_other_files(const std::filesystem::path& database) {
  if (!database.empty() && std::filesystem::exists(database)) const Database opened(database);
}

AnalysisStore::AnalysisStore(const DatabaseArgument& argument, std::string command, std::uint64_t seed)
    : file_(argument.file), command_(std::move(command)), seed_(seed) {
  refuse_other_files(file_);
}

void AnalysisStore::save(AnalysisResults results, const ChosenFeatures& features, const Json& options) const {
  if (!wanted()) return;
  results.analysis = analysis_of(features.set(), features.matrix());
  results.analysis.axis = features.by_columns() ? "columns" : "rows";
  save(std::move(results), options);
}

void AnalysisStore::save(AnalysisResults results, const Json& options) const {
  if (!wanted()) return;
  auto& analysis = results.analysis;
  analysis.command = command_;
  analysis.seed = seed_;
  analysis.options_json = options.dump();
  analysis.threads = thread_count();
  finish_analysis(analysis, std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count());
  Database database(file_);
  RecordSet set(database);
  database.write(results);
  set.commit();
}

}  // namespace lacuna::cli
