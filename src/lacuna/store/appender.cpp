#include "lacuna/store/appender.hpp"

#include <duckdb.h>

#include "lacuna/store/open_error.hpp"

namespace lacuna {

Appender::Appender(Connection& connection, const std::string& table, const std::vector<std::string>& columns)
    : connection_(connection) {
  try {
    check(duckdb_appender_create(connection.handle(), nullptr, table.c_str(), &appender_));
    for (const auto& column : columns) check(duckdb_appender_add_column(appender_, column.c_str()));
  } catch (...) {
    duckdb_appender_destroy(&appender_);
    throw;
  }
}

Appender::~Appender() { duckdb_appender_destroy(&appender_); }

void Appender::check(int state) {
  if (state == DuckDBSuccess) return;
  const char* words = duckdb_appender_error(appender_);
  throw statement_error(words == nullptr ? "" : words, connection_.path());
}

void Appender::append(std::string_view text) {
  check(duckdb_append_varchar_length(appender_, text.data(), text.size()));
}

void Appender::append(std::int64_t number) { check(duckdb_append_int64(appender_, number)); }

void Appender::append(std::uint64_t number) { check(duckdb_append_uint64(appender_, number)); }

void Appender::append(double number) { check(duckdb_append_double(appender_, number)); }

void Appender::append_flag(bool value) { check(duckdb_append_bool(appender_, value)); }

void Appender::append_timestamp(std::int64_t microseconds) {
  check(duckdb_append_timestamp(appender_, {microseconds}));
}

void Appender::append_null() { check(duckdb_append_null(appender_)); }

void Appender::end_row() { check(duckdb_appender_end_row(appender_)); }

void Appender::append_chunk(duckdb_data_chunk chunk) { check(duckdb_append_data_chunk(appender_, chunk)); }

void Appender::flush() { check(duckdb_appender_flush(appender_)); }

}  // namespace lacuna
