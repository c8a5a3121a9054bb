// What single analyses find, and how fast kernels are, as plain records (records.hpp says where they go).
//
//   AnalysisRecord ─┬─ StatisticRecord            each number beside what chance gives
//                   ├─ ClusterRunRecord           cluster
//                   ├─ coherence of each group    coherence
//                   ├─ GroupRecord                groups; nearest_neighbor_metrics of the store
//                   ├─ PairDistanceRecord         pairs
//                   ├─ NeighbourRecord            neighbours, gradient
//                   ├─ EmbeddedPointRecord        tsne
//                   ├─ ActivationInputRecord, ActivationQuantileRecord, ActivationThresholdRecord   activations
//                   └─ WeightThresholdRecord      threshold
//   BenchmarkRecord    on its own
//
// Writing an analysis again (the same id) replaces all that it found. Benchmarks are kept one beside the other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lacuna {

// One run of one command on one matrix, or on all of a model (layer −1, component empty).
struct AnalysisRecord {
  std::string analysis_id;  // unique; analysis_id_of() gives one that repeats with the analysis
  std::string command;      // "cluster"
  std::string source;       // file, folder or model, as given
  std::string run_id;       // the stored or recorded pruning that made it; empty: unknown
  int layer = -1;
  std::string component;
  std::int64_t rows = 0;  // of the matrix
  std::int64_t cols = 0;
  std::string axis;                 // "columns" or "rows": what a feature is; empty: no features
  std::string options_json = "{}";  // every option that changes the result, as one JSON object
  std::uint64_t seed = 0;
  int threads = 0;
  std::string lacuna_version;
  std::string lacuna_commit;
  std::int64_t started_us = 0;  // microseconds since 1970-01-01T00:00:00Z
  double elapsed_seconds = 0.0;
};

// 16 hexadecimal digits of the digest of command, source, matrix, axis, options and seed.
std::string analysis_id_of(const AnalysisRecord& analysis);

// Fills in id, version, commit, and the start from the time elapsed until now.
void finish_analysis(AnalysisRecord& analysis, double elapsed_seconds);

struct StatisticRecord {
  std::string statistic;  // "separation_8"
  double value = 0.0;
  std::string null_model;  // "columns", "margins", "pattern"; empty: not tested
  std::int64_t draws = 0;
  std::optional<double> null_mean;
  std::optional<double> null_std;
  std::optional<double> z;       // absent: all draws are equal
  std::optional<double> p;       // of this test alone
  std::optional<double> p_holm;  // corrected for the tests of the analysis
};

struct ClusterRunRecord {
  std::uint64_t seed = 0;
  std::int64_t feature = 0;
  int k = 0;
  double inertia = 0.0;
  int iterations = 0;
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> indices;  // features clustered, nearest first
  std::vector<int> labels;
  double hamming_within = 0.0;  // share of rows
  double hamming_between = 0.0;
  std::optional<double> hamming_separation;
  double euclidean_within = 0.0;
  double euclidean_between = 0.0;
  std::optional<double> euclidean_separation;
};

struct GroupRecord {
  std::string method;       // of the pruning; empty: unknown
  std::string matrix_name;  // "layer0-mlp.down_proj-0-0-0.5"
  int layer = -1;
  std::string projection;  // "down_proj"
  std::int64_t feature = 0;
  std::int64_t size = 0;  // features of the group
  double mean_pairwise_distance = 0.0;
  std::int64_t zeros = 0;
  std::int64_t ones = 0;
  std::int64_t duplicates = 0;
  std::int64_t total_dups = 0;
  std::int64_t unique_rows = 0;
  double density = 0.0;
};

struct PairDistanceRecord {
  double distance = 0.0;  // share of rows
  std::uint64_t pairs = 0;
  double share = 0.0;              // of pairs at or below
  std::optional<double> null_low;  // 95 % of random masks between these
  std::optional<double> null_high;
};

struct NeighbourRecord {
  std::int64_t feature = 0;
  std::int64_t rank = 0;
  std::int64_t neighbour = 0;
  double distance = 0.0;  // share of rows
};

struct EmbeddedPointRecord {
  std::int64_t feature = 0;
  double x = 0.0;
  double y = 0.0;
  int cluster = 0;
};

struct ActivationInputRecord {
  int layer = 0;
  std::string component;   // the first linear that reads this input
  std::string components;  // all that do, separated by commas
  std::int64_t features = 0;
  std::int64_t values = 0;
  double zero_share = 0.0;
  double largest = 0.0;
  double histogram_top = 0.0;
  std::vector<double> histogram;  // shares of equal bins of |x|; the last also holds what lies above
  std::optional<double> active_sparsity;
  std::optional<double> active_threshold;
  std::optional<double> hot_80;
  std::optional<double> always;
  std::optional<double> never;
  std::optional<double> overlap_neighbours;
  std::optional<double> overlap_prompts;
  std::optional<double> overlap_independent;
  std::vector<double> frequencies;  // percentiles 0, 1, …, 100 of the features' frequencies, hot first
};

struct ActivationQuantileRecord {
  int layer = 0;
  std::string component;
  double q = 0.0;
  double magnitude = 0.0;
};

struct ActivationThresholdRecord {
  int layer = 0;
  std::string component;
  std::string rule;     // "quantile", "teal": of an input; "greedy": of a linear
  double target = 0.0;  // greedy: of the whole block
  double threshold = 0.0;
  double sparsity = 0.0;              // that it gives on the calibration set
  std::optional<double> energy_kept;  // quantile
  std::optional<double> block_sparsity;
  std::optional<double> block_error;
  std::optional<double> uniform_error;
};

struct WeightThresholdRecord {
  int layer = -1;
  std::string component;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  double threshold = 0.0;
  double sparsity_before = 0.0;
  double sparsity = 0.0;
  double energy_kept = 0.0;
  std::string pattern;
  std::string output;  // empty: not written
  std::vector<double> curve_sparsity;
  std::vector<double> curve_threshold;  // that would give it
  std::vector<double> curve_energy;     // that it would keep
};

// An analysis with everything that belongs to it.
struct AnalysisResults {
  AnalysisRecord analysis;
  std::vector<StatisticRecord> statistics;
  std::vector<ClusterRunRecord> clusters;
  std::vector<double> coherence;  // of each group, in the order of the analysis
  std::vector<GroupRecord> groups;
  std::vector<PairDistanceRecord> pairs;
  std::vector<NeighbourRecord> neighbours;
  std::vector<EmbeddedPointRecord> points;
  std::vector<ActivationInputRecord> inputs;
  std::vector<ActivationQuantileRecord> quantiles;
  std::vector<ActivationThresholdRecord> thresholds;
  std::vector<WeightThresholdRecord> weights;
};

// The time of one kernel on one shape.
struct BenchmarkRecord {
  std::string device;  // processor or GPU
  std::string kernel;  // "gemv", "packed", "activation", "mmm", "decode"
  std::string format;  // what was multiplied: "dense", "bitmap", "slices", "columns", "bundles", …
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t batch = 1;
  std::string dtype;
  double sparsity = 0.0;
  double median_us = 0.0;
  std::optional<double> gb_per_s;
  std::optional<double> share_of_ideal;
  std::optional<double> dense_us;
  std::optional<double> speedup;  // dense_us / median_us
  bool checked = false;           // the result was compared with a reference before it was timed
  int threads = 0;
  std::string isa;
  std::string lacuna_version;
  std::string lacuna_commit;
  std::int64_t started_us = 0;
};

}  // namespace lacuna
