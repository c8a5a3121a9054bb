// What figures share: which matrix a document is about, what its null model was. Internal to study.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lacuna/study/figures/figures.hpp"
#include "lacuna/study/json_fields.hpp"

namespace lacuna {

// One parsed document under its name.
struct FigureDocument {
  std::string name;
  JsonFields::Json json;
};

// One function per figure.
Chart separation_figure(const std::vector<FigureDocument>& documents, const FigureOptions& options);
Chart within_between_figure(const std::vector<FigureDocument>& documents, const FigureOptions& options);
Chart distances_figure(const std::vector<FigureDocument>& documents, const FigureOptions& options);

// Reads one document; errors get its name.
template <typename Read>
auto read_figure_document(const FigureDocument& document, Read read) {
  try {
    return read(JsonFields(document.json, ""));
  } catch (Error& error) {
    if (error.path().empty()) error.at(document.name);
    throw;
  }
}

const FigureDocument& only_document(const std::vector<FigureDocument>& documents, const char* kind);

// "layer 0 · mlp.down_proj · wanda · 50 % unstructured", of what the document knows.
std::string matrix_name(const JsonFields& document);

struct RecordedNull {
  std::string model;  // "margins", "pattern, groups of 4"
  std::int64_t draws = 0;

  std::string text() const;  // "200 draws of the null model margins"
};
std::optional<RecordedNull> recorded_null(const JsonFields& document);

std::string p_text(double p);  // "p = 0.005", "p < 0.001"

// The metric asked for, or the first allowed. Error{invalid_argument}: another.
std::string chosen_metric(const FigureOptions& options, const std::vector<std::string>& allowed);

inline constexpr double kAnyNumber = 1e300;
inline constexpr std::int64_t kAnyCount = std::int64_t{1} << 53;

}  // namespace lacuna
