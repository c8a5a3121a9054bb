// --db FILE: what an analysis finds goes into a result store, too.
#pragma once

#include <chrono>
#include <filesystem>

#include "cli.hpp"
#include "lacuna/study/analyses/analysis_records.hpp"
#include "matrix_argument.hpp"

namespace lacuna::cli {

struct DatabaseArgument {
  std::filesystem::path file;  // empty: stored nowhere
};
void add_database_argument(CLI::App& command, DatabaseArgument& argument);
// Before the work whose result goes there: throws where the file is there and no store, or is in use. Empty: nothing.
void refuse_other_files(const std::filesystem::path& database);

// One run of a command, from its start to its record. Made before the work: a file that is no store, or is in use, is
// refused then.
class AnalysisStore {
 public:
  AnalysisStore(const DatabaseArgument& argument, std::string command, std::uint64_t seed);

  bool wanted() const { return !file_.empty(); }

  // Completes the record and writes everything as one record set; nothing unless wanted(). With `features` the
  // analysis is of their matrix. options: every option that changes the result.
  void save(AnalysisResults results, const ChosenFeatures& features, const Json& options) const;
  void save(AnalysisResults results, const Json& options) const;

 private:
  std::filesystem::path file_;
  std::string command_;
  std::uint64_t seed_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace lacuna::cli
