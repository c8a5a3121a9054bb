// append: a record set with per-feature rows, from begin() to the synced commit(); open and query of a filled store.
#include <benchmark/benchmark.h>

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <stdexcept>

#include "lacuna/store/database.hpp"
#include "lacuna/store/query.hpp"

namespace lacuna {
namespace {

constexpr std::int64_t kFeatures = 10000;  // per comparison

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("lacuna-store-bench-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path database() const { return path_ / "sparsity.db"; }

 private:
  std::filesystem::path path_;
};

FeatureMetrics features() {
  FeatureMetrics metrics;
  for (std::int64_t i = 0; i < kFeatures; ++i) {
    const double x = std::fmod(static_cast<double>(i) * 0.6180339887498949, 1.0);
    metrics.jaccard.push_back(x);
    metrics.cosine.push_back(1 - x);
    metrics.hamming.push_back(x / 2);
  }
  return metrics;
}

void write_comparisons(Database& database, std::int64_t rows, const FeatureMetrics& metrics) {
  RecordSet set(database);
  for (std::int64_t i = 0; i < rows / kFeatures; ++i) {
    ComparisonRecord comparison;
    comparison.a = "a";
    comparison.b = "b";
    comparison.layer = static_cast<int>(i);
    comparison.component = "mlp.up_proj";
    comparison.axis = "columns";
    comparison.features = kFeatures;
    database.write(comparison, metrics);
  }
  set.commit();
}

void append(benchmark::State& state, std::int64_t rows) {
  const FeatureMetrics metrics = features();
  for (auto _ : state) {
    state.PauseTiming();
    const Folder folder;
    {
      Database database(folder.database());
      state.ResumeTiming();
      write_comparisons(database, rows, metrics);
      state.PauseTiming();
      if (database.query("SELECT count(*) FROM feature_metrics").at(0, 0) != std::to_string(rows)) {
        throw std::logic_error("the benchmarked store lost rows");
      }
    }
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * rows);
}

void create(benchmark::State& state) {
  for (auto _ : state) {
    const Folder folder;
    const Database database(folder.database());
  }
}

void query(benchmark::State& state, const char* sql) {
  const Folder folder;
  {
    Database database(folder.database());
    write_comparisons(database, 1000000, features());
  }
  for (auto _ : state) benchmark::DoNotOptimize(query_store(folder.database(), sql));
}

BENCHMARK(create)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(append, features / 1e6, 1000000)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(query, mean_per_layer / 1e6,
                  "SELECT layer, avg(f.jaccard), quantile_cont(f.cosine, 0.5) FROM feature_metrics f "
                  "JOIN comparisons USING (comparison_id) GROUP BY layer")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(query, every_row / 1e5, "SELECT * FROM feature_metrics LIMIT 100000")
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace lacuna
