// One DuckDB database, opened, and statements on it. Internal to store.
//
// Opening never loads extensions, never touches the network, and refuses a library other than DuckDB ≥ 1.4 of major
// version 1. DuckDB's types appear as incomplete types, so that its header stays out of ours.
//
// Threads  one statement at a time. A statement can be stopped through its RunContext from any thread.
// Errors   Error{store_locked, not_a_store, store_version, not_found, permission_denied, no_space} on opening;
//          Error{store_failed, interrupted, no_space, out_of_memory} from statements, with DuckDB's words.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lacuna/core/run_context.hpp"
#include "lacuna/store/table.hpp"

struct _duckdb_connection;          // NOLINT(bugprone-reserved-identifier): DuckDB's own names
struct _duckdb_prepared_statement;  // NOLINT(bugprone-reserved-identifier)

namespace lacuna {

enum class StoreAccess { write, read };

class Connection {
 public:
  Connection(const std::filesystem::path& path, StoreAccess access);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const std::filesystem::path& path() const;
  _duckdb_connection* handle() const;

  // From here on: no files but those below `writable` (if given), no network, no extensions, no spilling to disk, and
  // no way back. memory_limit is DuckDB's, e.g. "4GB".
  void lock_down(const std::optional<std::filesystem::path>& writable, const std::string& memory_limit);

  // Runs one statement or several; the result is the last one's. max_seconds 0: no limit.
  QueryTable query(const std::string& sql, const RunContext& context = {}, double max_seconds = 0);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A prepared statement with parameters, numbered from 1.
class Statement {
 public:
  Statement(Connection& connection, const std::string& sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, std::int64_t number);
  Statement& bind(int index, std::uint64_t number);
  Statement& bind(int index, double number);
  Statement& bind_timestamp(int index, std::int64_t microseconds);
  Statement& bind_null(int index);
  QueryTable run();

 private:
  void check(int state, int index);

  Connection& connection_;
  _duckdb_prepared_statement* statement_ = nullptr;
};

// 'it''s' and "an ""odd"" name".
std::string quote_text(std::string_view text);
std::string quote_name(std::string_view name);

}  // namespace lacuna
