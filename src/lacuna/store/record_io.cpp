#include "lacuna/store/record_io.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <type_traits>

#include "lacuna/core/error.hpp"

namespace lacuna {
namespace {

// Collects the column names of a record type; for reading, expressions that give the field's value.
struct ColumnNames {
  std::vector<std::string> names;
  std::vector<std::string> expressions;

  void add(const char* name, std::string expression) {
    names.push_back(quote_name(name));
    expressions.push_back(std::move(expression));
  }
  void key(const char* name, const std::string&) { add(name, quote_name(name)); }
  void optional_text(const char* name, const std::string&) { add(name, quote_name(name)); }
  template <typename T>
  void number(const char* name, const T&) {
    add(name, quote_name(name));
  }
  void timestamp(const char* name, std::int64_t) { add(name, fmt::format("epoch_us({})", quote_name(name))); }
};

template <typename Record>
ColumnNames columns_of() {
  ColumnNames columns;
  Record record;
  visit_fields(record, columns);
  return columns;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

class FieldBinder {
 public:
  explicit FieldBinder(Statement& statement) : statement_(statement) {}

  void key(const char*, const std::string& text) { statement_.bind(++index_, text); }
  void optional_text(const char*, const std::string& text) {
    text.empty() ? statement_.bind_null(++index_) : statement_.bind(++index_, text);
  }
  void number(const char*, double value) { statement_.bind(++index_, value); }
  void number(const char*, int value) { statement_.bind(++index_, static_cast<std::int64_t>(value)); }
  void number(const char*, std::int64_t value) { statement_.bind(++index_, value); }
  void number(const char*, std::uint64_t value) { statement_.bind(++index_, value); }
  void number(const char*, const std::optional<double>& value) {
    value ? statement_.bind(++index_, *value) : statement_.bind_null(++index_);
  }
  void timestamp(const char*, std::int64_t microseconds) { statement_.bind_timestamp(++index_, microseconds); }

 private:
  Statement& statement_;
  int index_ = 0;
};

template <typename Number>
Number parse_number(const std::string& text) {
  Number value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed == std::errc() && end == text.data() + text.size()) return value;
  throw Error(ErrorCode::store_failed, fmt::format("expected a number in the database, got '{}'", text));
}

class FieldReader {
 public:
  FieldReader(const QueryTable& table, std::size_t row) : table_(table), row_(row) {}

  void key(const char*, std::string& text) { text = next().value_or(""); }
  void optional_text(const char*, std::string& text) { text = next().value_or(""); }
  template <typename T>
  void number(const char*, T& value) {
    const auto& cell = next();
    if (cell) value = parse_number<T>(*cell);
  }
  void number(const char*, std::optional<double>& value) {
    const auto& cell = next();
    value = cell ? std::optional(parse_number<double>(*cell)) : std::nullopt;
  }
  void timestamp(const char* name, std::int64_t& microseconds) { number(name, microseconds); }

 private:
  const QueryTable::Cell& next() { return table_.at(row_, column_++); }

  const QueryTable& table_;
  std::size_t row_;
  std::size_t column_ = 0;
};

}  // namespace

template <typename Record>
void insert_records(Connection& connection, const std::string& table, const std::vector<Record>& records) {
  const ColumnNames columns = columns_of<Record>();
  const std::vector<std::string> places(columns.names.size(), "?");
  Statement insert(connection, fmt::format("INSERT OR REPLACE INTO {} ({}) VALUES ({})", quote_name(table),
                                           joined(columns.names), joined(places)));
  for (Record record : records) {  // a copy: one visitor signature serves reading and writing
    FieldBinder binder(insert);
    visit_fields(record, binder);
    insert.run();
  }
}

template <typename Record>
std::vector<Record> select_records(Connection& connection, const std::string& table, const std::string& tail,
                                   const std::vector<std::string>& parameters) {
  Statement select(connection, fmt::format("SELECT {} FROM {} {}", joined(columns_of<Record>().expressions),
                                           quote_name(table), tail));
  for (std::size_t i = 0; i < parameters.size(); ++i) select.bind(static_cast<int>(i) + 1, parameters[i]);
  const QueryTable rows = select.run();
  std::vector<Record> records(rows.rows());
  for (std::size_t r = 0; r < records.size(); ++r) {
    FieldReader reader(rows, r);
    visit_fields(records[r], reader);
  }
  return records;
}

#define LACUNA_RECORD(Record)                                                                              \
  template void insert_records<Record>(Connection&, const std::string&, const std::vector<Record>&);       \
  template std::vector<Record> select_records<Record>(Connection&, const std::string&, const std::string&, \
                                                      const std::vector<std::string>&);
LACUNA_RECORD(RunRecord)
LACUNA_RECORD(MatrixRecord)
LACUNA_RECORD(StoredComparison)
LACUNA_RECORD(EvaluationRecord)
#undef LACUNA_RECORD

}  // namespace lacuna
