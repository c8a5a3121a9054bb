// Pruned variants of one model against each other: across methods, patterns and sparsities, per projection.
//
// A variant is a pruned model, a mask file, or one method, pattern and sparsity of a tree of the scripts' .pt files. A
// folder gives all that it holds: the tree's variants, and the models in it, up to four folders down. Pairs are
// compared that differ in one thing: methods at one target, patterns of one method, sparsities of one method and
// pattern; or all.
//
//   similarity of a pair in a projection   mean ± std (ddof 0) over the layers of the mean over features
//                                          (study/comparison.hpp)
//   by chance                              independent masks with the variants' target sparsities, p and q kept:
//                                          jaccard pq / (p + q − pq), hamming p + q − 2pq
//
// Errors   invalid_argument: fewer than two variants; nothing_to_compare: a folder without any, or no pair of them;
//          those of compare_sets().
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lacuna/core/run_context.hpp"
#include "lacuna/formats/matrix_set.hpp"
#include "lacuna/render/chart.hpp"
#include "lacuna/study/records.hpp"

namespace lacuna {

struct AblationVariant {
  std::string label;               // "wanda 50%", else the reference
  std::string method;              // empty: unknown
  std::optional<double> sparsity;  // target share of zeros
  int n = 0;
  int m = 0;
};

struct AblationPair {
  std::string projection;  // "down_proj"
  std::string across;      // "methods", "patterns", "sparsities"; "variants": of several or unknown
  std::size_t a = 0;       // of Ablation::variants
  std::size_t b = 0;
  int layers = 0;
  MeanStd jaccard;  // over the layers
  MeanStd cosine;
  MeanStd hamming;
  std::optional<double> jaccard_chance;
  std::optional<double> hamming_chance;
};

struct Ablation {
  std::vector<AblationVariant> variants;
  std::vector<AblationPair> pairs;            // by projection, across, a, b
  std::vector<ComparisonRecord> comparisons;  // behind them, where measured here: between ids of AblationSource::run
};

struct AblationSource {
  AblationVariant variant;
  MatrixSet set;
  RunRecord run;                       // without a method: nothing says how it was pruned, the id is the reference
  std::vector<MatrixRecord> matrices;  // that its record names
};
std::vector<AblationSource> open_variants(std::span<const std::string> references);

Ablation ablate(const std::vector<AblationSource>& sources, bool all_pairs, const RunContext& context);

// From comparisons of runs; variants of several models are named with theirs. May have no pairs.
Ablation ablation_of(std::span<const RunRecord> runs, std::span<const ComparisonRecord> comparisons, bool all_pairs);

// The same of all that a store holds.
Ablation ablate_stored(ResultSource& source, bool all_pairs);

// The comparisons of ablate(), and the runs they are between where the sink does not have them: one record set.
void store_ablation(const std::vector<AblationSource>& sources, const Ablation& ablation, ResultSink& sink,
                    ResultSource& stored);

enum class AblationMeasure { jaccard, cosine, hamming };

// A heat map of variants per projection. An empty title: the chart's own.
Chart ablation_chart(const Ablation& ablation, AblationMeasure measure, const std::string& title = {});

// Method × pair of patterns, or of sparsities (`across`), per projection; nullopt: no such pairs.
std::optional<Chart> ablation_by_method_chart(const Ablation& ablation, const std::string& across,
                                              AblationMeasure measure, const std::string& title = {});

}  // namespace lacuna
