#include "lacuna/store/connection.hpp"

#include <duckdb.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "lacuna/core/error.hpp"
#include "lacuna/core/threads.hpp"
#include "lacuna/store/cell_text.hpp"
#include "lacuna/store/file_claims.hpp"
#include "lacuna/store/open_error.hpp"

namespace lacuna {
namespace {

void require_library() {
  const std::string_view found = duckdb_library_version();  // "v1.4.4"
  int minor = -1;
  if (found.starts_with("v1.")) minor = std::atoi(found.data() + 3);
  if (minor < 4) {
    throw Error(ErrorCode::store_failed,
                fmt::format("DuckDB library: expected version 1.4 or later of 1.x, got {}", found))
        .hint("run packaging/setup.sh, which fetches the pinned library");
  }
}

class Config {
 public:
  Config() {
    if (duckdb_create_config(&config_) != DuckDBSuccess) {
      throw Error(ErrorCode::out_of_memory, "cannot create a DuckDB configuration");
    }
  }
  ~Config() { duckdb_destroy_config(&config_); }
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;

  void set(const char* name, const std::string& value) {
    if (duckdb_set_config(config_, name, value.c_str()) == DuckDBSuccess) return;
    throw Error(ErrorCode::store_failed, fmt::format("DuckDB refused its setting {} = {}", name, value));
  }
  duckdb_config get() const { return config_; }

 private:
  duckdb_config config_ = nullptr;
};

struct Prepared {
  duckdb_prepared_statement statement = nullptr;
  ~Prepared() { duckdb_destroy_prepare(&statement); }
};

struct Extracted {
  duckdb_extracted_statements statements = nullptr;
  ~Extracted() { duckdb_destroy_extracted(&statements); }
};

struct Result {
  duckdb_result result{};
  ~Result() { duckdb_destroy_result(&result); }
};

struct Chunk {
  duckdb_data_chunk chunk;
  ~Chunk() { duckdb_destroy_data_chunk(&chunk); }
};

struct Type {
  duckdb_logical_type type;
  ~Type() { duckdb_destroy_logical_type(&type); }
};

// Interrupts a running statement when a stop is requested or its time is up.
class Watch {
 public:
  Watch(duckdb_connection connection, const RunContext& context, double max_seconds) {
    if (context.stop == nullptr && max_seconds <= 0) return;
    const auto begin = std::chrono::steady_clock::now();
    thread_ = std::thread([this, connection, &context, max_seconds, begin] {
      std::unique_lock<std::mutex> lock(mutex_);
      while (!done_) {
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
        timed_out_ = max_seconds > 0 && elapsed.count() > max_seconds;
        if (timed_out_ || context.stop_requested()) duckdb_interrupt(connection);
        wake_.wait_for(lock, std::chrono::milliseconds(20));
      }
    });
  }
  ~Watch() { stop(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void stop() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      done_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  bool timed_out() const { return timed_out_; }  // after stop()

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
  bool done_ = false;
  bool timed_out_ = false;
};

QueryTable read_table(duckdb_result& result) {
  QueryTable table;
  const idx_t columns = duckdb_column_count(&result);
  std::vector<std::unique_ptr<Type>> types;
  for (idx_t c = 0; c < columns; ++c) {
    types.push_back(std::unique_ptr<Type>(new Type{duckdb_column_logical_type(&result, c)}));
    table.columns.push_back({duckdb_column_name(&result, c), type_text(types[c]->type), cell_kind(types[c]->type)});
  }
  while (true) {
    const Chunk chunk{duckdb_fetch_chunk(result)};
    if (chunk.chunk == nullptr) return table;
    const idx_t rows = duckdb_data_chunk_get_size(chunk.chunk);
    for (idx_t r = 0; r < rows; ++r) {
      for (idx_t c = 0; c < columns; ++c) {
        table.cells.push_back(cell_text(duckdb_data_chunk_get_vector(chunk.chunk, c), types[c]->type, r));
      }
    }
  }
}

QueryTable run_prepared(Connection& connection, duckdb_prepared_statement statement, const RunContext& context,
                        double max_seconds) {
  context.check_stop();
  Result result;
  Watch watch(connection.handle(), context, max_seconds);
  const duckdb_state state = duckdb_execute_prepared(statement, &result.result);
  watch.stop();
  if (state == DuckDBSuccess) return read_table(result.result);
  context.check_stop();
  if (watch.timed_out()) {
    throw Error(ErrorCode::store_failed,
                fmt::format("the statement took longer than {} s and was stopped", max_seconds))
        .at(connection.path());
  }
  throw statement_error(duckdb_result_error(&result.result), connection.path());
}

std::string quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    out += c;
    if (c == quote) out += quote;
  }
  return out + quote;
}

}  // namespace

struct Connection::State {
  std::filesystem::path path;
  FileClaim claim;
  duckdb_database database = nullptr;
  duckdb_connection connection = nullptr;

  State(const std::filesystem::path& path_, StoreAccess access)
      : path(path_), claim(path_, access == StoreAccess::write) {}
  ~State() {
    duckdb_disconnect(&connection);
    duckdb_close(&database);
  }
};

Connection::Connection(const std::filesystem::path& path, StoreAccess access) {
  require_library();
  require_openable(path, access == StoreAccess::write);
  state_ = std::make_unique<State>(path, access);
  Config config;
  config.set("access_mode", access == StoreAccess::write ? "READ_WRITE" : "READ_ONLY");
  config.set("autoinstall_known_extensions", "false");
  config.set("autoload_known_extensions", "false");
  config.set("allow_community_extensions", "false");
  config.set("allow_persistent_secrets", "false");
  config.set("threads", std::to_string(thread_count()));
  char* words = nullptr;
  if (duckdb_open_ext(path.c_str(), &state_->database, config.get(), &words) != DuckDBSuccess) {
    const std::string text = words == nullptr ? "unknown reason" : words;
    duckdb_free(words);
    throw open_error(text, path);
  }
  if (duckdb_connect(state_->database, &state_->connection) != DuckDBSuccess) {
    throw Error(ErrorCode::store_failed, "cannot connect to the database").at(path);
  }
}

Connection::~Connection() = default;

const std::filesystem::path& Connection::path() const { return state_->path; }

duckdb_connection Connection::handle() const { return state_->connection; }

void Connection::lock_down(const std::optional<std::filesystem::path>& writable, const std::string& memory_limit) {
  query("SET memory_limit = " + quote_text(memory_limit));
  query("SET temp_directory = ''");
  if (writable) query(fmt::format("SET allowed_directories = [{}]", quote_text(writable->string())));
  query("SET enable_external_access = false");
  query("SET lock_configuration = true");
}

QueryTable Connection::query(const std::string& sql, const RunContext& context, double max_seconds) {
  Extracted extracted;
  const idx_t count = duckdb_extract_statements(handle(), sql.c_str(), &extracted.statements);
  if (count == 0) {
    const char* words = duckdb_extract_statements_error(extracted.statements);
    throw statement_error(words == nullptr ? "the statement is empty" : words, path());
  }
  QueryTable table;
  for (idx_t i = 0; i < count; ++i) {
    Prepared prepared;
    if (duckdb_prepare_extracted_statement(handle(), extracted.statements, i, &prepared.statement) != DuckDBSuccess) {
      throw statement_error(duckdb_prepare_error(prepared.statement), path());
    }
    table = run_prepared(*this, prepared.statement, context, max_seconds);
  }
  return table;
}

Statement::Statement(Connection& connection, const std::string& sql) : connection_(connection) {
  if (duckdb_prepare(connection.handle(), sql.c_str(), &statement_) == DuckDBSuccess) return;
  Error error = statement_error(duckdb_prepare_error(statement_), connection.path());
  duckdb_destroy_prepare(&statement_);
  throw error;
}

Statement::~Statement() { duckdb_destroy_prepare(&statement_); }

void Statement::check(int state, int index) {
  if (state == DuckDBSuccess) return;
  throw Error(ErrorCode::store_failed, fmt::format("cannot bind parameter {}", index)).at(connection_.path());
}

Statement& Statement::bind(int index, std::string_view text) {
  check(duckdb_bind_varchar_length(statement_, static_cast<idx_t>(index), text.data(), text.size()), index);
  return *this;
}

Statement& Statement::bind(int index, std::int64_t number) {
  check(duckdb_bind_int64(statement_, static_cast<idx_t>(index), number), index);
  return *this;
}

Statement& Statement::bind(int index, std::uint64_t number) {
  check(duckdb_bind_uint64(statement_, static_cast<idx_t>(index), number), index);
  return *this;
}

Statement& Statement::bind(int index, double number) {
  check(duckdb_bind_double(statement_, static_cast<idx_t>(index), number), index);
  return *this;
}

Statement& Statement::bind_timestamp(int index, std::int64_t microseconds) {
  check(duckdb_bind_timestamp(statement_, static_cast<idx_t>(index), {microseconds}), index);
  return *this;
}

Statement& Statement::bind_null(int index) {
  check(duckdb_bind_null(statement_, static_cast<idx_t>(index)), index);
  return *this;
}

QueryTable Statement::run() { return run_prepared(connection_, statement_, {}, 0); }

std::string quote_text(std::string_view text) { return quoted(text, '\''); }

std::string quote_name(std::string_view name) { return quoted(name, '"'); }

}  // namespace lacuna
