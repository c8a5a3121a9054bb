// The result store: a DuckDB file that keeps the records of studies (study/records.hpp).
//
// Opening creates the file, or migrates an older schema (schema.sql, docs/store.md). One process writes at a time.
// A record set is one transaction: a reader, and a process killed at any moment, sees all of it or nothing; commit()
// has reached the disk when it returns. Keys written again replace what was there. After matrices were written,
// commit() adds the views of the scripts' names (wanda_0_5_down_proj).
//
// Threads  one thread at a time.
// Errors   Error{store_locked}: another process (or this one) has it open. Error{not_a_store}, Error{store_version}.
//          Error{store_failed}: DuckDB refused a statement. Error{no_space}. Error{internal}: write outside a record
//          set.
#pragma once

#include <filesystem>
#include <memory>

#include "lacuna/core/run_context.hpp"
#include "lacuna/store/table.hpp"
#include "lacuna/study/records.hpp"

namespace lacuna {

class Database final : public ResultSink, public ResultSource {
 public:
  explicit Database(const std::filesystem::path& path);
  ~Database() override;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::filesystem::path& path() const;
  int schema_version();

  void begin() override;
  void commit() override;
  void rollback() noexcept override;
  void write(const RunRecord& run) override;
  void write(const std::vector<MatrixRecord>& matrices) override;
  void write(const ComparisonRecord& comparison, const FeatureMetrics& features) override;
  void write(const EvaluationRecord& evaluation) override;
  void write(const std::vector<StructureRecord>& structure) override;
  void write(const AnalysisResults& results) override;
  void write(const std::vector<BenchmarkRecord>& benchmarks) override;

  std::optional<RunRecord> find_run(std::string_view run_id) override;
  std::vector<RunRecord> runs() override;
  std::vector<MatrixRecord> matrices(std::string_view run_id) override;
  std::vector<EvaluationRecord> evaluations() override;
  std::vector<StructureRecord> structure(std::string_view run_id) override;
  std::vector<ComparisonRecord> comparisons() override;
  std::optional<FeatureMetrics> features(std::string_view a, std::string_view b, int layer,
                                         std::string_view component) override;
  std::vector<AnalysisRecord> analyses() override;
  bool has_analysis(std::string_view analysis_id) override;
  std::vector<StatisticRecord> statistics(std::string_view analysis_id) override;
  std::optional<AnalysisResults> analysis(std::string_view analysis_id) override;
  std::vector<BenchmarkRecord> benchmarks() override;

  // Any SQL, with this program's rights. Statements of strangers go through store/query.hpp.
  QueryTable query(const std::string& sql, const RunContext& context = {});

  // As export_parquet() of store/query.hpp, on this open database.
  void export_parquet(const std::filesystem::path& folder, const RunContext& context = {});

 private:
  friend class StoreReader;
  struct Reading {};
  Database(const std::filesystem::path& path, Reading);  // of the current version; writes fail

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lacuna
