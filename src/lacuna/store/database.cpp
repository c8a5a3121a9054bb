#include "lacuna/store/database.hpp"

#include <charconv>

#include "lacuna/core/error.hpp"
#include "lacuna/store/analysis_rows.hpp"
#include "lacuna/store/connection.hpp"
#include "lacuna/store/feature_rows.hpp"
#include "lacuna/store/parquet_export.hpp"
#include "lacuna/store/record_io.hpp"
#include "lacuna/store/schema.hpp"

namespace lacuna {

struct Database::State {
  Connection connection;
  bool open_set = false;
  bool views_stale = false;
  std::int64_t next_comparison_id = 0;  // within an open set

  State(const std::filesystem::path& path, StoreAccess access) : connection(path, access) {}

  void require_set() const {
    if (!open_set) throw Error(ErrorCode::internal, "a record was written outside begin() and commit()");
  }
};

namespace {

std::int64_t to_number(const QueryTable::Cell& cell) {
  std::int64_t value = 0;
  if (cell) std::from_chars(cell->data(), cell->data() + cell->size(), value);
  return value;
}

std::optional<std::int64_t> comparison_id(Connection& connection, std::string_view a, std::string_view b, int layer,
                                          std::string_view component) {
  Statement select(connection,
                   "SELECT comparison_id FROM comparisons WHERE a = ? AND b = ? AND layer = ? AND component = ?");
  select.bind(1, a).bind(2, b).bind(3, static_cast<std::int64_t>(layer)).bind(4, component);
  const QueryTable found = select.run();
  if (found.rows() == 0) return std::nullopt;
  return to_number(found.at(0, 0));
}

}  // namespace

Database::Database(const std::filesystem::path& path) : state_(std::make_unique<State>(path, StoreAccess::write)) {
  prepare_schema(state_->connection);
}

Database::Database(const std::filesystem::path& path, Reading)
    : state_(std::make_unique<State>(path, StoreAccess::read)) {}

Database::~Database() { rollback(); }

const std::filesystem::path& Database::path() const { return state_->connection.path(); }

int Database::schema_version() { return lacuna::schema_version(state_->connection); }

void Database::begin() {
  if (state_->open_set) throw Error(ErrorCode::internal, "begin() inside an open record set");
  state_->connection.query("BEGIN TRANSACTION");
  state_->open_set = true;
  const QueryTable last = state_->connection.query("SELECT coalesce(max(comparison_id), -1) FROM comparisons");
  state_->next_comparison_id = to_number(last.at(0, 0)) + 1;
}

void Database::commit() {
  state_->require_set();
  if (state_->views_stale) refresh_script_views(state_->connection);
  state_->connection.query("COMMIT");
  state_->open_set = false;
  state_->views_stale = false;
}

void Database::rollback() noexcept {
  if (!state_->open_set) return;
  state_->open_set = false;
  state_->views_stale = false;
  try {
    state_->connection.query("ROLLBACK");
  } catch (const std::exception&) {  // a failed statement may have ended the transaction already; nothing was kept
  }
}

void Database::write(const RunRecord& run) {
  state_->require_set();
  insert_records<RunRecord>(state_->connection, "runs", {run});
  state_->views_stale = true;
}

void Database::write(const std::vector<MatrixRecord>& matrices) {
  state_->require_set();
  insert_records(state_->connection, "matrices", matrices);
  state_->views_stale = true;
}

void Database::write(const ComparisonRecord& comparison, const FeatureMetrics& features) {
  state_->require_set();
  auto& connection = state_->connection;
  const auto old = comparison_id(connection, comparison.a, comparison.b, comparison.layer, comparison.component);
  const std::int64_t id = old ? *old : state_->next_comparison_id++;
  if (old) {
    for (const char* table : {"feature_metrics", "comparisons"}) {
      Statement erase(connection, std::string("DELETE FROM ") + table + " WHERE comparison_id = ?");
      erase.bind(1, id).run();
    }
  }
  insert_records<StoredComparison>(connection, "comparisons", {{id, comparison}});
  append_features(connection, id, features);
}

void Database::write(const EvaluationRecord& evaluation) {
  state_->require_set();
  insert_records<EvaluationRecord>(state_->connection, "evaluations", {evaluation});
}

void Database::write(const std::vector<StructureRecord>& structure) {
  state_->require_set();
  insert_records(state_->connection, "structure", structure);
}

void Database::write(const AnalysisResults& results) {
  state_->require_set();
  write_analysis(state_->connection, results);
}

void Database::write(const std::vector<BenchmarkRecord>& benchmarks) {
  state_->require_set();
  append_records(state_->connection, "benchmarks", benchmarks);
}

std::optional<RunRecord> Database::find_run(std::string_view run_id) {
  auto found = select_records<RunRecord>(state_->connection, "runs", "WHERE run_id = ?", {std::string(run_id)});
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<RunRecord> Database::runs() {
  return select_records<RunRecord>(state_->connection, "runs", "ORDER BY started, run_id");
}

std::vector<MatrixRecord> Database::matrices(std::string_view run_id) {
  return select_records<MatrixRecord>(state_->connection, "matrices", "WHERE run_id = ? ORDER BY layer, component",
                                      {std::string(run_id)});
}

std::vector<EvaluationRecord> Database::evaluations() {
  return select_records<EvaluationRecord>(state_->connection, "evaluations",
                                          "ORDER BY model, run_id, dataset, text_digest, seqlen, \"against\"");
}

std::vector<StructureRecord> Database::structure(std::string_view run_id) {
  return select_records<StructureRecord>(state_->connection, "structure",
                                         "WHERE run_id = ? ORDER BY layer, component, statistic, block",
                                         {std::string(run_id)});
}

std::vector<ComparisonRecord> Database::comparisons() {
  std::vector<ComparisonRecord> records;
  for (auto& stored :
       select_records<StoredComparison>(state_->connection, "comparisons", "ORDER BY a, b, layer, component")) {
    records.push_back(std::move(stored.record));
  }
  return records;
}

std::optional<FeatureMetrics> Database::features(std::string_view a, std::string_view b, int layer,
                                                 std::string_view component) {
  const auto id = comparison_id(state_->connection, a, b, layer, component);
  if (!id) return std::nullopt;
  return read_features(state_->connection, *id);
}

std::vector<AnalysisRecord> Database::analyses() {
  return select_records<AnalysisRecord>(state_->connection, "analyses",
                                        "ORDER BY command, source, layer, component, analysis_id");
}

bool Database::has_analysis(std::string_view analysis_id) {
  Statement select(state_->connection, "SELECT 1 FROM analyses WHERE analysis_id = ?");
  return select.bind(1, analysis_id).run().rows() > 0;
}

std::vector<StatisticRecord> Database::statistics(std::string_view analysis_id) {
  return select_records<StatisticRecord>(state_->connection, "analysis_statistics",
                                         "WHERE analysis_id = ? ORDER BY rowid", {std::string(analysis_id)});
}

std::optional<AnalysisResults> Database::analysis(std::string_view analysis_id) {
  return read_analysis(state_->connection, analysis_id);
}

std::vector<BenchmarkRecord> Database::benchmarks() {
  return select_records<BenchmarkRecord>(state_->connection, "benchmarks",
                                         "ORDER BY started, device, kernel, format, \"rows\", cols, batch, sparsity");
}

QueryTable Database::query(const std::string& sql, const RunContext& context) {
  return state_->connection.query(sql, context);
}

void Database::export_parquet(const std::filesystem::path& folder, const RunContext& context) {
  export_tables(state_->connection, folder, context);
}

}  // namespace lacuna
