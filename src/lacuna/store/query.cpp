#include "lacuna/store/query.hpp"

#include <duckdb.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "lacuna/core/error.hpp"
#include "lacuna/store/connection.hpp"
#include "lacuna/store/parquet_export.hpp"
#include "lacuna/store/schema.hpp"

namespace lacuna {
namespace {

// What DuckDB's own lock leaves open: logging to a file that it then may not write ends the process when the database
// is closed, and profiles go to stdout. A guard against accidents, by text; SQL can spell a name in other ways, so SQL
// of an attacker belongs in a process of its own.
constexpr std::array<std::string_view, 3> kRefusedNames = {"enable_logging", "enable_profiling", "enable_profile"};

void refuse_harmful_names(const std::string& sql, const std::filesystem::path& database) {
  std::string lower = sql;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto name : kRefusedNames) {
    if (lower.find(name) == std::string::npos) continue;
    throw Error(ErrorCode::store_failed, fmt::format("queries run locked down: {} is not available", name))
        .at(database)
        .hint("EXPLAIN ANALYZE shows where a query spends its time");
  }
}

}  // namespace

QueryTable query_store(const std::filesystem::path& database, const std::string& sql, const RunContext& context,
                       const QueryOptions& options) {
  if (options.locked_down) refuse_harmful_names(sql, database);
  Connection connection(database, StoreAccess::read);
  if (options.locked_down) connection.lock_down(std::nullopt, options.memory_limit);
  require_schema(connection);
  return connection.query(sql, context, options.max_seconds);
}

void export_parquet(const std::filesystem::path& database, const std::filesystem::path& folder,
                    const RunContext& context) {
  Connection connection(database, StoreAccess::read);
  connection.lock_down(export_staging(folder), QueryOptions{}.memory_limit);
  require_schema(connection);
  export_tables(connection, folder, context);
}

std::string duckdb_version() { return duckdb_library_version(); }

}  // namespace lacuna
