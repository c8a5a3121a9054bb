// What a study measures, as plain records, and where they go.
//
// Algorithms and studies fill these structs; a ResultSink keeps them. The DuckDB store (store/database.hpp) is one sink
// and one source; tests use their own. Units are in the names or in the comments; absent measurements are nullopt.
//
//   RunRecord ─┬─ MatrixRecord        one per pruned matrix          key: run_id, layer, component
//              ├─ StructureRecord     one per matrix and statistic   key: run_id, layer, component, statistic, block
//              ├─ EvaluationRecord    one per model and text         key: model, run_id, text_digest, seqlen, against
//              └─ ComparisonRecord    one per pair of matrices       key: a, b, layer, component
//                   └─ FeatureMetrics its per-feature vectors        one value per feature
//   AnalysisResults, BenchmarkRecord  analysis_records.hpp
//
// A record set is everything written between begin() and commit(): a reader sees all of it or nothing. Writing a key
// again replaces the old record (a comparison's features with it), so repeating a study is idempotent.
//
// Threads  one record set at a time per sink, from one thread.
// Errors   the sink's: store_failed, no_space, io_failed, interrupted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/study/analyses/analysis_records.hpp"

namespace lacuna {

// One pruning of one model with one method and target. method "dense" with sparsity 0 is the model as it is.
struct RunRecord {
  std::string run_id;     // unique; the same recipe gives the same id (a digest, or a path for imported trees)
  std::string model;      // the reference as the user gave it: folder, or owner/name[@revision]
  std::string method;     // "magnitude", "wanda", "sparsegpt", "dense"
  double sparsity = 0.0;  // target share of zeros, [0, 1]
  int n = 0;              // N:M prunes N of every M consecutive weights of a row; 0:0 is unstructured
  int m = 0;
  std::string options_json = "{}";  // every option that changes the result, as one JSON object
  std::uint64_t seed = 0;
  std::string calibration;         // file or name of the calibration data; empty: the method needs none
  std::string calibration_digest;  // SHA-256 of the token ids, lower-case hexadecimal; empty: none
  std::int64_t samples = 0;        // calibration sequences
  std::int64_t seqlen = 0;         // tokens in each
  std::string compute = "f32";     // "f32" or "bf16"
  std::string output;              // folder of the pruned model; empty: not written
  std::string lacuna_version;
  std::string lacuna_commit;
  std::int64_t started_us = 0;  // microseconds since 1970-01-01T00:00:00Z
  double elapsed_seconds = 0.0;
  int threads = 0;
  std::string isa;  // "scalar", "avx2", "avx512"
};

struct MatrixRecord {
  std::string run_id;
  int layer = 0;
  std::string component;                 // "mlp.down_proj", "self_attn.q_proj", "fc2"
  std::int64_t rows = 0;                 // out_features
  std::int64_t cols = 0;                 // in_features
  std::string dtype;                     // as stored: "bf16"
  double sparsity = 0.0;                 // measured share of exact zeros
  std::optional<double> relative_error;  // ‖(W−Ŵ)X‖² / ‖WX‖² over the calibration inputs
  double l2 = 0.0;                       // Frobenius norm of the pruned weights
  std::string pattern;                   // detected: "2:4", "4:8", "unstructured", "dense"
  double damping = 0.0;                  // SparseGPT: share of the mean diagonal added in the end
  int damping_raises = 0;
  int dead_columns = 0;
  std::optional<double> elapsed_seconds;  // of this matrix's pruning
};

struct MeanStd {
  double mean = 0.0;
  double std = 0.0;  // population (ddof 0)
};

// Similarity of two matrices of one shape (bits/similarity.hpp). a and b are run ids of stored runs, or the references
// that were given (a file, a folder, a model).
struct ComparisonRecord {
  std::string a;
  std::string b;
  int layer = 0;
  std::string component;
  std::string axis;  // "rows" or "columns": what a feature is
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t features = 0;
  MeanStd jaccard;  // over features
  MeanStd cosine;
  MeanStd hamming;
  std::optional<double> matrix_jaccard;  // of the whole matrices as one flattened pair
  std::optional<double> matrix_cosine;
  std::optional<double> matrix_hamming;
};

// The per-feature vectors of one comparison, all of the same length (or all empty: not kept).
struct FeatureMetrics {
  std::vector<double> jaccard;  // share, [0, 1]
  std::vector<double> cosine;   // [-1, 1]
  std::vector<double> hamming;  // share of positions, [0, 1]
};

struct EvaluationRecord {
  std::string model;        // what was evaluated: folder or id
  std::string run_id;       // the stored run that made it; empty: none
  std::string dataset;      // file or name of the text
  std::string text_digest;  // SHA-256 of the token ids
  std::int64_t seqlen = 0;
  std::int64_t windows = 0;
  std::int64_t tokens = 0;  // predicted tokens: windows · (seqlen − 1)
  double nll = 0.0;         // mean negative log likelihood per token, nats
  double perplexity = 0.0;  // exp(nll)
  std::optional<double> perplexity_stderr;
  std::string against;            // dense model of the divergences; empty: none
  std::optional<double> kl_mean;  // KL(dense ‖ this) per token, nats
  std::optional<double> kl_stderr;
  std::optional<double> top1_agreement;  // share of tokens with the same argmax
  std::optional<double> top1_stderr;
  std::int64_t started_us = 0;
  double elapsed_seconds = 0.0;
};

// One statistic of the structure of a run's matrix, and what chance gives (study/structure.hpp).
struct StructureRecord {
  std::string run_id;
  int layer = 0;
  std::string component;
  std::string statistic;   // "coherence_grouped"
  std::int64_t block = 0;  // features of a block, for coherence
  double value = 0.0;      // share of rows; separation: a ratio
  std::string null_model;  // "columns", "margins", "pattern"
  std::int64_t draws = 0;
  double null_mean = 0.0;
  double null_std = 0.0;
  std::optional<double> z;  // absent: all draws are equal
  double p = 1.0;           // of this test alone
  std::uint64_t seed = 0;
};

class ResultSink {
 public:
  virtual ~ResultSink() = default;

  virtual void begin() = 0;              // opens a record set
  virtual void commit() = 0;             // makes it visible and durable
  virtual void rollback() noexcept = 0;  // forgets it

  virtual void write(const RunRecord& run) = 0;
  virtual void write(const std::vector<MatrixRecord>& matrices) = 0;
  virtual void write(const ComparisonRecord& comparison, const FeatureMetrics& features) = 0;
  virtual void write(const EvaluationRecord& evaluation) = 0;
  virtual void write(const std::vector<StructureRecord>& structure) = 0;
  virtual void write(const AnalysisResults& results) = 0;
  virtual void write(const std::vector<BenchmarkRecord>& benchmarks) = 0;
};

// Reading back what a sink kept, for studies that skip finished work and for reports.
class ResultSource {
 public:
  virtual ~ResultSource() = default;

  virtual std::optional<RunRecord> find_run(std::string_view run_id) = 0;
  virtual std::vector<RunRecord> runs() = 0;                                    // by start, then id
  virtual std::vector<MatrixRecord> matrices(std::string_view run_id) = 0;      // by layer, then component
  virtual std::vector<StructureRecord> structure(std::string_view run_id) = 0;  // by layer, component, statistic
  virtual std::vector<EvaluationRecord> evaluations() = 0;                      // by model, run, dataset, seqlen
  virtual std::vector<ComparisonRecord> comparisons() = 0;                      // by a, b, layer, component
  virtual std::optional<FeatureMetrics> features(std::string_view a, std::string_view b, int layer,
                                                 std::string_view component) = 0;
  virtual std::vector<AnalysisRecord> analyses() = 0;  // by command, source, layer, component
  virtual bool has_analysis(std::string_view analysis_id) = 0;
  virtual std::vector<StatisticRecord> statistics(std::string_view analysis_id) = 0;
  virtual std::optional<AnalysisResults> analysis(std::string_view analysis_id) = 0;
  virtual std::vector<BenchmarkRecord> benchmarks() = 0;  // by start
};

// Begins a record set and forgets it unless commit() is reached.
class RecordSet {
 public:
  explicit RecordSet(ResultSink& sink) : sink_(sink) { sink_.begin(); }
  ~RecordSet() {
    if (open_) sink_.rollback();
  }
  RecordSet(const RecordSet&) = delete;
  RecordSet& operator=(const RecordSet&) = delete;
  void commit() {
    sink_.commit();
    open_ = false;
  }

 private:
  ResultSink& sink_;
  bool open_ = true;
};

}  // namespace lacuna
