#include <gtest/gtest.h>

#include <tuple>

#include "lacuna/core/error.hpp"
#include "lacuna/store/database.hpp"
#include "support/temp_folder.hpp"

namespace lacuna {
namespace {

using test::TempFolder;

AnalysisRecord sample_analysis() {
  AnalysisRecord a;
  a.command = "cluster";
  a.source = "out/wanda ‘50’";
  a.run_id = "r1";
  a.layer = 2;
  a.component = "mlp.down_proj";
  a.rows = 192;
  a.cols = 512;
  a.axis = "columns";
  a.options_json = R"({"k": [4, 8]})";
  a.seed = 18446744073709551615U;
  a.threads = 2;
  a.lacuna_version = "0.1.0";
  a.lacuna_commit = "abc";
  a.started_us = 1790000000123456;
  a.elapsed_seconds = 1.0 / 3;
  a.analysis_id = analysis_id_of(a);
  return a;
}

AnalysisResults sample_results() {
  AnalysisResults r;
  r.analysis = sample_analysis();
  r.statistics = {{"separation_8", 1.25, "margins", 100, 1.1, 0.01, 15.0, 1.0 / 101, 2.0 / 101}, {.statistic = "kl"}};
  r.clusters = {{3, 17, 8, 99.5, 12, {2, 1}, {17, 4, 5}, {0, 1, 0}, 0.25, 0.5, 2.0, 1.5, 3.0, 2.0}, {.k = 4}};
  r.coherence = {0.5, 0.25, 1.0 / 3};
  r.groups = {{"wanda", "layer2-mlp.down_proj-0-0-0.5", 2, "down_proj", 5, 8, 0.4, 1, 2, 3, 4, 5, 0.5},
              {"", "x", -1, "down_proj", 6, 8, 0.3, 0, 0, 0, 0, 9, 0.25}};
  r.pairs = {{0.25, 7, 0.125, 0.1, 0.2}, {0.5, 49, 1.0, std::nullopt, std::nullopt}};
  r.neighbours = {{5, 0, 5, 0.0}, {5, 1, 9, 0.125}};
  r.points = {{5, -1.5, 2.5, 3}};
  r.inputs = {{0,
               "self_attn.q_proj",
               "self_attn.q_proj,self_attn.k_proj",
               192,
               1920,
               0.5,
               4.0,
               3.0,
               {0.75, 0.25},
               0.5,
               0.1,
               0.6,
               0.01,
               0.02,
               0.3,
               0.31,
               0.32,
               {1.0, 0.5, 0.0}},
              {.layer = 1, .component = "fc2"}};
  r.quantiles = {{0, "fc2", 0.5, 0.7}};
  r.thresholds = {{0, "fc2", "quantile", 0.5, 0.7, 0.51, 0.9, std::nullopt, std::nullopt, std::nullopt},
                  {0, "fc2", "greedy", 0.5, 0.8, 0.6, std::nullopt, 0.5, 0.1, 0.2}};
  r.weights = {{-1, "w", 3, 4, 0.1, 0.0, 0.9, 0.8, "unstructured", "out/w.pt", {0.5, 0.9}, {0.05, 0.2}, {0.99, 0.5}}};
  return r;
}

auto fields(const AnalysisRecord& r) {
  return std::tie(r.analysis_id, r.command, r.source, r.run_id, r.layer, r.component, r.rows, r.cols, r.axis,
                  r.options_json, r.seed, r.threads, r.lacuna_version, r.lacuna_commit, r.started_us,
                  r.elapsed_seconds);
}
auto fields(const StatisticRecord& r) {
  return std::tie(r.statistic, r.value, r.null_model, r.draws, r.null_mean, r.null_std, r.z, r.p, r.p_holm);
}
auto fields(const ClusterRunRecord& r) {
  return std::tie(r.seed, r.feature, r.k, r.inertia, r.iterations, r.sizes, r.indices, r.labels, r.hamming_within,
                  r.hamming_between, r.hamming_separation, r.euclidean_within, r.euclidean_between,
                  r.euclidean_separation);
}
auto fields(const GroupRecord& r) {
  return std::tie(r.method, r.matrix_name, r.layer, r.projection, r.feature, r.size, r.mean_pairwise_distance, r.zeros,
                  r.ones, r.duplicates, r.total_dups, r.unique_rows, r.density);
}
auto fields(const PairDistanceRecord& r) { return std::tie(r.distance, r.pairs, r.share, r.null_low, r.null_high); }
auto fields(const NeighbourRecord& r) { return std::tie(r.feature, r.rank, r.neighbour, r.distance); }
auto fields(const EmbeddedPointRecord& r) { return std::tie(r.feature, r.x, r.y, r.cluster); }
auto fields(const ActivationInputRecord& r) {
  return std::tie(r.layer, r.component, r.components, r.features, r.values, r.zero_share, r.largest, r.histogram_top,
                  r.histogram, r.active_sparsity, r.active_threshold, r.hot_80, r.always, r.never, r.overlap_neighbours,
                  r.overlap_prompts, r.overlap_independent, r.frequencies);
}
auto fields(const ActivationQuantileRecord& r) { return std::tie(r.layer, r.component, r.q, r.magnitude); }
auto fields(const ActivationThresholdRecord& r) {
  return std::tie(r.layer, r.component, r.rule, r.target, r.threshold, r.sparsity, r.energy_kept, r.block_sparsity,
                  r.block_error, r.uniform_error);
}
auto fields(const WeightThresholdRecord& r) {
  return std::tie(r.layer, r.component, r.rows, r.cols, r.threshold, r.sparsity_before, r.sparsity, r.energy_kept,
                  r.pattern, r.output, r.curve_sparsity, r.curve_threshold, r.curve_energy);
}

template <typename Record>
void expect_equal(const std::vector<Record>& found, const std::vector<Record>& wanted, const char* what) {
  ASSERT_EQ(found.size(), wanted.size()) << what;
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(fields(found[i]), fields(wanted[i])) << what << ' ' << i;
}

void store(Database& database, const AnalysisResults& results) {
  RecordSet set(database);
  database.write(results);
  set.commit();
}

TEST(StoredAnalysis, EveryFieldComesBackInOrder) {
  const TempFolder folder;
  const auto wanted = sample_results();
  {
    Database database(folder / "sparsity.db");
    store(database, wanted);
  }
  Database database(folder / "sparsity.db");
  const auto found = database.analysis(wanted.analysis.analysis_id);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(fields(found->analysis), fields(wanted.analysis));
  expect_equal(found->statistics, wanted.statistics, "statistics");
  expect_equal(found->clusters, wanted.clusters, "clusters");
  EXPECT_EQ(found->coherence, wanted.coherence);
  expect_equal(found->groups, wanted.groups, "groups");
  expect_equal(found->pairs, wanted.pairs, "pairs");
  expect_equal(found->neighbours, wanted.neighbours, "neighbours");
  expect_equal(found->points, wanted.points, "points");
  expect_equal(found->inputs, wanted.inputs, "inputs");
  expect_equal(found->quantiles, wanted.quantiles, "quantiles");
  expect_equal(found->thresholds, wanted.thresholds, "thresholds");
  expect_equal(found->weights, wanted.weights, "weights");
  EXPECT_FALSE(database.analysis("0").has_value());
  ASSERT_EQ(database.analyses().size(), 1U);
  EXPECT_EQ(fields(database.analyses()[0]), fields(wanted.analysis));
}

TEST(StoredAnalysis, RunningItAgainReplacesAllThatItFound) {
  const TempFolder folder;
  Database database(folder / "sparsity.db");
  auto results = sample_results();
  store(database, results);
  auto other = results;
  other.analysis.seed = 1;
  other.analysis.analysis_id = analysis_id_of(other.analysis);
  store(database, other);
  results.statistics.pop_back();
  results.groups.pop_back();
  results.coherence.clear();
  store(database, results);
  EXPECT_EQ(database.analyses().size(), 2U);
  EXPECT_EQ(database.analysis(results.analysis.analysis_id)->statistics.size(), 1U);
  EXPECT_EQ(database.analysis(results.analysis.analysis_id)->groups.size(), 1U);
  EXPECT_TRUE(database.analysis(results.analysis.analysis_id)->coherence.empty());
  EXPECT_EQ(database.analysis(other.analysis.analysis_id)->groups.size(), 2U);
  EXPECT_EQ(database.query("SELECT count(DISTINCT id) FROM nearest_neighbor_metrics").at(0, 0), "3");
}

TEST(StoredAnalysis, ItsIdIsOfWhatWasAskedNotOfWhenOrHow) {
  auto a = sample_analysis();
  const auto id = a.analysis_id;
  a.threads = 16;
  a.started_us = 5;
  a.lacuna_commit = "other";
  EXPECT_EQ(analysis_id_of(a), id);
  a.options_json = "{}";
  EXPECT_NE(analysis_id_of(a), id);
}

TEST(StoredAnalysis, ListsCanBeQueried) {
  const TempFolder folder;
  Database database(folder / "sparsity.db");
  store(database, sample_results());
  EXPECT_EQ(database.query("SELECT list_sum(sizes::BIGINT[]) FROM cluster_runs WHERE k = 8").at(0, 0), "3");
}

TEST(StoredAnalysis, ADamagedListIsAnErrorNotACrash) {
  const TempFolder folder;
  Database database(folder / "sparsity.db");
  const auto results = sample_results();
  store(database, results);
  for (const char* text : {"[1, \"2\"]", "[1e300]", "[[1]]", "{}", "[1", "null"}) {
    database.query(std::string("UPDATE cluster_runs SET sizes = '") + text + "'");
    EXPECT_THROW(database.analysis(results.analysis.analysis_id), Error) << text;
  }
}

TEST(StoredBenchmarks, EveryFieldComesBackAndNoneIsReplaced) {
  const TempFolder folder;
  Database database(folder / "sparsity.db");
  BenchmarkRecord full{"H100", "packed", "bitmap", 4096, 11008, 8,      "bf16",  0.5,   123.5,           900.0,
                       0.75,   200.0,    1.6,      true, 1,     "sm90", "0.1.0", "abc", 1790000000123456};
  BenchmarkRecord bare;
  bare.device = "CPU";
  for (int i = 0; i < 2; ++i) {
    RecordSet set(database);
    database.write(std::vector{full, bare});
    set.commit();
  }
  const auto found = database.benchmarks();
  ASSERT_EQ(found.size(), 4U);
  const auto all = [](const BenchmarkRecord& r) {
    return std::tie(r.device, r.kernel, r.format, r.rows, r.cols, r.batch, r.dtype, r.sparsity, r.median_us, r.gb_per_s,
                    r.share_of_ideal, r.dense_us, r.speedup, r.checked, r.threads, r.isa, r.lacuna_version,
                    r.lacuna_commit, r.started_us);
  };
  EXPECT_EQ(all(found[0]), all(bare));  // started at the epoch
  EXPECT_EQ(all(found[3]), all(full));
  EXPECT_EQ(database.query("SELECT count(*) FROM benchmarks WHERE checked").at(0, 0), "2");
}

}  // namespace
}  // namespace lacuna
