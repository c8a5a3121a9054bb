#include "lacuna/store/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "embedded/migration_to_2.hpp"
#include "embedded/migration_to_3.hpp"
#include "embedded/migration_to_4.hpp"
#include "embedded/migration_to_5.hpp"
#include "embedded/schema_sql.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/core/version.hpp"

namespace lacuna {
namespace {

struct Migration {
  int to;
  std::string_view (*sql)();
};

constexpr std::array kMigrations = {
    Migration{2, embedded::migration_to_2},
    Migration{3, embedded::migration_to_3},
    Migration{4, embedded::migration_to_4},
    Migration{5, embedded::migration_to_5},
};
static_assert(kMigrations.back().to == kSchemaVersion);

void record_version(Connection& connection, int version) {
  Statement insert(connection, "INSERT INTO lacuna_schema VALUES (?, ?, now()::TIMESTAMP)");
  insert.bind(1, static_cast<std::int64_t>(version)).bind(2, lacuna::version()).run();
}

template <typename Body>
void in_transaction(Connection& connection, Body body) {
  connection.query("BEGIN TRANSACTION");
  try {
    body();
    connection.query("COMMIT");
  } catch (...) {
    try {
      connection.query("ROLLBACK");
    } catch (const Error&) {  // the first error says what went wrong
    }
    throw;
  }
}

[[noreturn]] void refuse_newer(int found, const Connection& connection) {
  throw Error(ErrorCode::store_version, fmt::format("schema version: expected up to {}, got {}", kSchemaVersion, found))
      .at(connection.path())
      .hint("update Lacuna, or write to another file with --db");
}

int to_int(const std::string& text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Joins the neighbourhoods of each matrix to the matrix, so that the view has rows either way: one per matrix, or one
// per matrix and feature.
std::string view_sql(const std::string& name, const std::string& method, const std::string& sparsity,
                     const std::string& n, const std::string& m, const std::string& projection) {
  return fmt::format(
      "CREATE OR REPLACE VIEW {0} AS SELECT nn.id, r.method, "
      "concat('layer', x.layer, '-', x.component, '-', r.n, '-', r.m, '-', r.sparsity) AS matrix_name, x.layer, "
      "{5} AS projection, nn.feature_idx, nn.n_neighbors, nn.mean_pairwise_distance, nn.zeros, nn.ones, "
      "nn.duplicates, nn.total_dups, nn.unique_rows, nn.density, nn.\"timestamp\", r.run_id, r.model, x.component, "
      "x.\"rows\", x.cols, x.sparsity, x.relative_error, x.l2, x.pattern "
      "FROM runs r JOIN matrices x ON x.run_id = r.run_id LEFT JOIN nearest_neighbor_metrics nn "
      "ON nn.run_id = r.run_id AND nn.layer = x.layer AND nn.projection = {5} "
      "WHERE r.method = {1} AND r.sparsity = {2}::DOUBLE AND r.n = {3} AND r.m = {4} "
      "AND split_part(x.component, '.', -1) = {5} ORDER BY r.model, r.run_id, x.layer, nn.feature_idx",
      quote_name(name), quote_text(method), sparsity, n, m, quote_text(projection));
}

}  // namespace

int schema_version(Connection& connection) {
  const QueryTable tables = connection.query(
      "SELECT count(*), count(*) FILTER (table_name = 'lacuna_schema') FROM duckdb_tables() "
      "WHERE NOT internal AND database_name = current_database()");
  if (tables.text(0, 0) == "0") return 0;
  if (tables.text(0, 1) == "0") {
    throw Error(ErrorCode::not_a_store, "expected Lacuna's tables, found a database of something else")
        .at(connection.path());
  }
  const QueryTable version = connection.query("SELECT coalesce(max(version), 0)::INTEGER FROM lacuna_schema");
  const int found = to_int(version.text(0, 0));
  if (found < 1) {
    throw Error(ErrorCode::not_a_store, fmt::format("schema version: expected 1 to {}, got {}", kSchemaVersion, found))
        .at(connection.path());
  }
  return found;
}

void prepare_schema(Connection& connection) {
  const int found = schema_version(connection);
  if (found > kSchemaVersion) refuse_newer(found, connection);
  if (found == kSchemaVersion) return;
  if (found == 0) {
    in_transaction(connection, [&] {
      connection.query(std::string(embedded::schema_sql()));
      record_version(connection, kSchemaVersion);
    });
    return;
  }
  for (const Migration& migration : kMigrations) {
    if (migration.to <= found) continue;
    in_transaction(connection, [&] {
      connection.query(std::string(migration.sql()));
      record_version(connection, migration.to);
    });
  }
}

void require_schema(Connection& connection) {
  const int found = schema_version(connection);
  if (found == 0) {
    throw Error(ErrorCode::not_a_store, "expected Lacuna's tables, found an empty database").at(connection.path());
  }
  if (found > kSchemaVersion) refuse_newer(found, connection);
}

std::string script_view_name(std::string_view method, double sparsity, int n, int m, std::string_view component) {
  const auto dot = component.rfind('.');
  const auto projection = dot == std::string_view::npos ? component : component.substr(dot + 1);
  std::string target = m != 0 ? fmt::format("{}_{}", n, m) : fmt::format("{}", sparsity);
  std::ranges::replace(target, '.', '_');
  return fmt::format("{}_{}_{}", method, target, projection);
}

void refresh_script_views(Connection& connection) {
  const QueryTable existing = connection.query("SELECT view_name FROM duckdb_views() WHERE NOT internal");
  std::set<std::string> names;
  for (std::size_t r = 0; r < existing.rows(); ++r) names.insert(existing.text(r, 0));
  const QueryTable wanted = connection.query(
      "SELECT DISTINCT r.method, r.sparsity, r.n, r.m, split_part(x.component, '.', -1) "
      "FROM runs r JOIN matrices x ON x.run_id = r.run_id ORDER BY ALL");
  for (std::size_t r = 0; r < wanted.rows(); ++r) {
    const auto cell = [&](std::size_t column) { return wanted.text(r, column); };
    const std::string name = script_view_name(cell(0), std::stod(cell(1)), to_int(cell(2)), to_int(cell(3)), cell(4));
    if (names.contains(name)) continue;
    connection.query(view_sql(name, cell(0), cell(1), cell(2), cell(3), cell(4)));
  }
}

}  // namespace lacuna
