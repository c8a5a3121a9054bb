#include "lacuna/store/analysis_rows.hpp"

#include <fmt/format.h>

#include <charconv>

#include "lacuna/store/record_io.hpp"

namespace lacuna {
namespace {

// Calls visitor(table, records) for each table whose records are those of AnalysisResults as they are.
template <typename Results, typename Visitor>
void visit_tables(Results& results, Visitor visitor) {
  visitor("analysis_statistics", results.statistics);
  visitor("cluster_runs", results.clusters);
  visitor("pair_distances", results.pairs);
  visitor("neighbour_lists", results.neighbours);
  visitor("embedding_points", results.points);
  visitor("activation_inputs", results.inputs);
  visitor("activation_quantiles", results.quantiles);
  visitor("activation_thresholds", results.thresholds);
  visitor("weight_thresholds", results.weights);
}

void erase(Connection& connection, const std::string& table, const std::string& analysis_id) {
  Statement statement(connection, fmt::format("DELETE FROM {} WHERE analysis_id = ?", quote_name(table)));
  statement.bind(1, analysis_id).run();
}

std::int64_t next_group_id(Connection& connection) {
  const auto table = connection.query("SELECT coalesce(max(id), 0) + 1 FROM nearest_neighbor_metrics");
  const std::string& text = table.text(0, 0);
  std::int64_t id = 0;
  std::from_chars(text.data(), text.data() + text.size(), id);
  return id;
}

std::vector<StoredGroup> stored_groups(Connection& connection, const AnalysisResults& results) {
  std::vector<StoredGroup> rows;
  if (results.groups.empty()) return rows;
  std::int64_t id = next_group_id(connection);
  for (const auto& group : results.groups)
    rows.push_back({id++, results.analysis.run_id, results.analysis.started_us, group});
  return rows;
}

std::vector<StoredCoherence> stored_coherence(const AnalysisResults& results) {
  std::vector<StoredCoherence> rows;
  for (const double share : results.coherence) rows.push_back({static_cast<std::int64_t>(rows.size()), share});
  return rows;
}

}  // namespace

void write_analysis(Connection& connection, const AnalysisResults& results) {
  const std::string& id = results.analysis.analysis_id;
  insert_records<AnalysisRecord>(connection, "analyses", {results.analysis});
  visit_tables(results, [&](const char* table, const auto& records) {
    erase(connection, table, id);
    append_owned(connection, table, id, records);
  });
  for (const char* table : {"coherence_groups", "nearest_neighbor_metrics"}) erase(connection, table, id);
  append_owned(connection, "coherence_groups", id, stored_coherence(results));
  append_owned(connection, "nearest_neighbor_metrics", id, stored_groups(connection, results));
}

std::optional<AnalysisResults> read_analysis(Connection& connection, std::string_view analysis_id) {
  const std::string id(analysis_id);
  auto found = select_records<AnalysisRecord>(connection, "analyses", "WHERE analysis_id = ?", {id});
  if (found.empty()) return std::nullopt;
  AnalysisResults results;
  results.analysis = std::move(found.front());
  const auto read = [&](const char* table, auto& records) {
    using Record = typename std::decay_t<decltype(records)>::value_type;
    records = select_records<Record>(connection, table, "WHERE analysis_id = ? ORDER BY rowid", {id});
  };
  visit_tables(results, read);
  std::vector<StoredCoherence> coherence;
  read("coherence_groups", coherence);
  for (const auto& row : coherence) results.coherence.push_back(row.coherence);
  std::vector<StoredGroup> groups;
  read("nearest_neighbor_metrics", groups);
  for (auto& row : groups) results.groups.push_back(std::move(row.record));
  return results;
}

}  // namespace lacuna
