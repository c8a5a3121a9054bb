#include "lacuna/store/record_io.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "lacuna/core/error.hpp"
#include "lacuna/store/appender.hpp"

namespace lacuna {
namespace {

// Collects the column names of a record type; for reading, expressions that give the field's value.
struct ColumnNames {
  std::vector<std::string> names;
  std::vector<std::string> expressions;

  void add(const char* name, std::string expression) {
    names.emplace_back(name);
    expressions.push_back(std::move(expression));
  }
  void key(const char* name, const std::string&) { add(name, quote_name(name)); }
  void optional_text(const char* name, const std::string&) { add(name, quote_name(name)); }
  template <typename T>
  void number(const char* name, const T&) {
    add(name, quote_name(name));
  }
  template <typename T>
  void list(const char* name, const std::vector<T>&) {
    add(name, quote_name(name));
  }
  void flag(const char* name, bool) { add(name, quote_name(name)); }
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

// The fields that make up the primary key, as text, in their order.
class KeyFields {
 public:
  explicit KeyFields(const std::vector<std::string>& keys) : keys_(keys) {}

  const std::vector<std::string>& values() const { return values_; }

  void key(const char* name, const std::string& text) { add(name, text); }
  void optional_text(const char* name, const std::string& text) { add(name, text); }
  template <typename T>
  void number(const char* name, const T& value) {
    if constexpr (std::is_integral_v<T>) add(name, std::to_string(value));  // no key is a fraction
  }
  template <typename T>
  void list(const char*, const std::vector<T>&) {}  // nor a list, nor a flag
  void flag(const char*, bool) {}
  void timestamp(const char*, std::int64_t) {}

 private:
  void add(const char* name, const std::string& text) {
    if (std::ranges::find(keys_, name) != keys_.end()) values_.push_back(text);
  }

  const std::vector<std::string>& keys_;
  std::vector<std::string> values_;
};

class FieldAppender {
 public:
  explicit FieldAppender(Appender& appender) : appender_(appender) {}

  void key(const char*, const std::string& text) { appender_.append(text); }
  void optional_text(const char*, const std::string& text) {
    text.empty() ? appender_.append_null() : appender_.append(text);
  }
  void number(const char*, double value) { appender_.append(value); }
  void number(const char*, int value) { appender_.append(std::int64_t{value}); }
  void number(const char*, std::int64_t value) { appender_.append(value); }
  void number(const char*, std::uint64_t value) { appender_.append(value); }
  void number(const char*, const std::optional<double>& value) {
    value ? appender_.append(*value) : appender_.append_null();
  }
  template <typename T>
  void list(const char*, const std::vector<T>& values) {
    appender_.append(nlohmann::json(values).dump());
  }
  void flag(const char*, bool value) { appender_.append_flag(value); }
  void timestamp(const char*, std::int64_t microseconds) { appender_.append_timestamp(microseconds); }

 private:
  Appender& appender_;
};

// The primary key, in the order in which visit_fields() visits it.
std::vector<std::string> key_of(const std::string& table) {
  if (table == "runs") return {"run_id"};
  if (table == "matrices") return {"run_id", "layer", "component"};
  if (table == "structure") return {"run_id", "layer", "component", "statistic", "block"};
  if (table == "analyses") return {"analysis_id"};
  if (table == "comparisons") return {"a", "b", "layer", "component"};
  return {"model", "run_id", "text_digest", "seqlen", "against"};
}

// Each key once, with its last record.
template <typename Record>
std::map<std::vector<std::string>, Record> by_key(const std::vector<Record>& records,
                                                  const std::vector<std::string>& keys) {
  std::map<std::vector<std::string>, Record> last;
  for (Record record : records) {  // a copy: one visitor signature serves reading and writing
    KeyFields fields(keys);
    visit_fields(record, fields);
    last.insert_or_assign(fields.values(), std::move(record));
  }
  return last;
}

std::string key_condition(const std::vector<std::string>& keys) {
  std::string condition;
  for (const auto& key : keys) condition += (condition.empty() ? "" : " AND ") + quote_name(key) + " = ?";
  return condition;
}

template <typename Number>
Number parse_number(const std::string& text) {
  Number value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed == std::errc() && end == text.data() + text.size()) return value;
  throw Error(ErrorCode::store_failed, fmt::format("expected a number in the database, got '{}'", text));
}

template <typename T>
std::vector<T> parse_list(const char* name, const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const bool numbers = json.is_array() && std::ranges::all_of(json, [](const auto& item) {
                         return std::is_integral_v<T> ? item.is_number_integer() : item.is_number();
                       });
  if (numbers) return json.template get<std::vector<T>>();
  throw Error(ErrorCode::store_failed, fmt::format("column {}: expected a list of numbers, got '{:.40}'", name, text));
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
  template <typename T>
  void list(const char* name, std::vector<T>& values) {
    values = parse_list<T>(name, next().value_or("[]"));
  }
  void flag(const char*, bool& value) { value = next() == "true"; }
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
  if (records.empty()) return;
  const auto keys = key_of(table);
  auto rows = by_key(records, keys);
  Statement erase(connection, fmt::format("DELETE FROM {} WHERE {}", quote_name(table), key_condition(keys)));
  for (const auto& [key, record] : rows) {
    for (std::size_t i = 0; i < key.size(); ++i) erase.bind(static_cast<int>(i) + 1, key[i]);
    erase.run();
  }
  Appender appender(connection, table, columns_of<Record>().names);
  for (auto& [key, record] : rows) {
    FieldAppender fields(appender);
    visit_fields(record, fields);
    appender.end_row();
  }
  appender.flush();
}

template <typename Record>
void append_records(Connection& connection, const std::string& table, const std::vector<Record>& records) {
  if (records.empty()) return;
  Appender appender(connection, table, columns_of<Record>().names);
  for (Record record : records) {
    FieldAppender fields(appender);
    visit_fields(record, fields);
    appender.end_row();
  }
  appender.flush();
}

template <typename Record>
void append_owned(Connection& connection, const std::string& table, const std::string& analysis_id,
                  const std::vector<Record>& records) {
  if (records.empty()) return;
  auto columns = columns_of<Record>().names;
  columns.insert(columns.begin(), "analysis_id");
  Appender appender(connection, table, columns);
  for (Record record : records) {
    appender.append(analysis_id);
    FieldAppender fields(appender);
    visit_fields(record, fields);
    appender.end_row();
  }
  appender.flush();
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

#define LACUNA_SELECT(Record)                                                                              \
  template std::vector<Record> select_records<Record>(Connection&, const std::string&, const std::string&, \
                                                      const std::vector<std::string>&);
#define LACUNA_RECORD(Record)                                                                        \
  template void insert_records<Record>(Connection&, const std::string&, const std::vector<Record>&); \
  LACUNA_SELECT(Record)
#define LACUNA_OWNED(Record)                                                                                           \
  template void append_owned<Record>(Connection&, const std::string&, const std::string&, const std::vector<Record>&); \
  LACUNA_SELECT(Record)
LACUNA_RECORD(RunRecord)
LACUNA_RECORD(MatrixRecord)
LACUNA_RECORD(StoredComparison)
LACUNA_RECORD(EvaluationRecord)
LACUNA_RECORD(StructureRecord)
LACUNA_RECORD(AnalysisRecord)
LACUNA_OWNED(StatisticRecord)
LACUNA_OWNED(ClusterRunRecord)
LACUNA_OWNED(StoredCoherence)
LACUNA_OWNED(StoredGroup)
LACUNA_OWNED(PairDistanceRecord)
LACUNA_OWNED(NeighbourRecord)
LACUNA_OWNED(EmbeddedPointRecord)
LACUNA_OWNED(ActivationInputRecord)
LACUNA_OWNED(ActivationQuantileRecord)
LACUNA_OWNED(ActivationThresholdRecord)
LACUNA_OWNED(WeightThresholdRecord)
template void append_records<BenchmarkRecord>(Connection&, const std::string&, const std::vector<BenchmarkRecord>&);
LACUNA_SELECT(BenchmarkRecord)
#undef LACUNA_OWNED
#undef LACUNA_RECORD
#undef LACUNA_SELECT

}  // namespace lacuna
