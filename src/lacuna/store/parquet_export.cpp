#include "lacuna/store/parquet_export.hpp"

#include <unistd.h>

#include <fmt/format.h>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

// Removes the staging folder unless it was published.
class Staging {
 public:
  explicit Staging(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::error_code failed;
    std::filesystem::create_directory(folder_, failed);
    if (failed) throw errno_error(failed.value(), "create the folder", folder_);
  }
  ~Staging() {
    std::error_code ignored;  // gone already when it was published
    std::filesystem::remove_all(folder_, ignored);
  }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

 private:
  std::filesystem::path folder_;
};

// QueryTable names come from the file, which may be a stranger's: only plain names become file names.
bool plain_name(const std::string& name) {
  return !name.empty() &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
}

}  // namespace

std::filesystem::path export_staging(const std::filesystem::path& folder) {
  auto target = std::filesystem::absolute(folder).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();  // "out/" is "out"
  return target.parent_path() / fmt::format(".{}.{}.lacuna-partial", target.filename().string(), getpid());
}

void export_tables(Connection& connection, const std::filesystem::path& folder, const RunContext& context) {
  std::error_code failed;
  if (std::filesystem::exists(folder, failed) && !std::filesystem::is_empty(folder, failed)) {
    throw Error(ErrorCode::already_exists, "the output path already holds something").at(folder);
  }
  const auto staging = export_staging(folder);
  const Staging guard(staging);
  const QueryTable tables = connection.query(
      "SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary AND schema_name = 'main' "
      "AND database_name = current_database() ORDER BY table_name");
  for (std::size_t r = 0; r < tables.rows(); ++r) {
    const std::string& name = tables.text(r, 0);
    if (!plain_name(name)) continue;
    connection.query(fmt::format("COPY {} TO {} (FORMAT parquet, COMPRESSION zstd)", quote_name(name),
                                 quote_text((staging / (name + ".parquet")).string())),
                     context);
  }
  publish_folder(staging, folder);
}

}  // namespace lacuna
