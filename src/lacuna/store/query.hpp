// Questions to a result store: any SQL, read-only and locked down, and its export.
//
// A store may come from a stranger, and so may the SQL. Unless told otherwise, statements can read this database and
// nothing else: no other file, no network, no extensions, no setting changed, no spilling to disk, bounded memory. The
// file itself is opened read-only. Damaged files are DuckDB's to detect; it is not hardened against all of them.
//
// Threads  each call has a database instance of its own; calls on one file may run at the same time.
// Errors   Error{not_found, not_a_store, store_version, store_locked} on opening; Error{store_failed} with DuckDB's
//          words; Error{interrupted} within about 20 ms of the stop plus what DuckDB needs to notice.
#pragma once

#include <filesystem>
#include <string>

#include "lacuna/core/run_context.hpp"
#include "lacuna/store/table.hpp"

namespace lacuna {

struct QueryOptions {
  bool locked_down = true;
  double max_seconds = 0.0;          // per statement; 0: no limit
  std::string memory_limit = "4GB";  // DuckDB's notation
};

// Runs one statement or several, separated by semicolons; the result is the last one's. Rows are not limited.
QueryTable query_store(const std::filesystem::path& database, const std::string& sql, const RunContext& context = {},
                       const QueryOptions& options = {});

// Writes every table to folder/{table}.parquet (zstd). The folder appears complete or not at all; it must be absent or
// empty, Error{already_exists} otherwise.
void export_parquet(const std::filesystem::path& database, const std::filesystem::path& folder,
                    const RunContext& context = {});

std::string duckdb_version();  // "v1.4.4", of the library in use

}  // namespace lacuna
