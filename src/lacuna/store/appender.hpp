// DuckDB's appender: rows into one table, by named columns, within the connection's open transaction.
//
// Other columns get their defaults. Rows become visible to statements of the connection with flush(), at the latest
// when the appender is destroyed; that must happen before the transaction ends. Internal to store.
//
// Errors   as statements: Error{store_failed, no_space, …}.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/store/connection.hpp"

struct _duckdb_appender;
struct _duckdb_data_chunk;

namespace lacuna {

class Appender {
 public:
  Appender(Connection& connection, const std::string& table, const std::vector<std::string>& columns);
  ~Appender();
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;

  void append(std::string_view text);
  void append(std::int64_t number);
  void append(std::uint64_t number);
  void append(double number);
  void append_flag(bool value);
  void append_timestamp(std::int64_t microseconds);
  void append_null();
  void end_row();
  void append_chunk(_duckdb_data_chunk* chunk);
  void flush();

 private:
  void check(int state);

  Connection& connection_;
  _duckdb_appender* appender_ = nullptr;
};

}  // namespace lacuna
