// What figures share: which matrix a document is about, what its null model was. Internal to study.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lacuna/study/analyses/json_fields.hpp"
#include "lacuna/study/figures/figures.hpp"

namespace lacuna {

// One function per figure.
Chart neighbours_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart gradient_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart groups_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart coherence_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart separation_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart within_between_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart distances_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart sizes_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart heatmap_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart pattern_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart tsne_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart sparsity_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart frequency_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart ablation_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart ablation_patterns_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart ablation_sparsities_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart speed_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);
Chart thresholds_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options);

// Parses one document and reads it; errors get its name.
template <typename Read>
auto read_figure_document(const RecordedResult& document, Read read) {
  return read_json_document(document.name, document.json,
                            [&](const JsonFields::Json& json) { return read(JsonFields(json, "")); });
}

const RecordedResult& only_document(const std::vector<RecordedResult>& documents, const char* kind);

// "layer 0 · mlp.down_proj · wanda · 50 % unstructured", of what the document knows.
std::string matrix_name(const JsonFields& document);

struct RecordedNull {
  std::string model;  // "margins", "pattern, groups of 4"
  std::int64_t draws = 0;

  std::string text() const;  // "200 draws of the null model margins"
};
std::optional<RecordedNull> recorded_null(const JsonFields& document);

// A statistic of a null: {mean, std, z, p, p_holm}.
struct RecordedTest {
  double mean = 0.0;
  double std = 0.0;
  std::optional<double> z;  // absent: all draws are equal
  double p = 1.0;           // corrected where it was
};
RecordedTest recorded_test(const JsonFields& fields);

std::string p_text(double p);  // "p = 0.005", "p < 0.001"

// The metric asked for, or the first allowed. Error{invalid_argument}: another.
std::string chosen_metric(const FigureOptions& options, const std::vector<std::string>& allowed);

inline constexpr double kAnyNumber = 1e300;
inline constexpr std::int64_t kAnyCount = std::int64_t{1} << 53;

}  // namespace lacuna
