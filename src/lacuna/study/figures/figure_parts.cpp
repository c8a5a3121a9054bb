#include "lacuna/study/figures/figure_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace lacuna {
namespace {

std::string sparsity_text(const JsonFields& document) {
  const double percent = 100.0 * document.number("sparsity", 0, 1);
  const bool whole = std::abs(percent - std::round(percent)) < 0.05;
  std::string text = fmt::format("{:.{}f}\u00A0% zeros", percent, whole ? 0 : 1);
  if (document.has("pattern")) {
    const std::string pattern = document.text("pattern");
    if (pattern.find(':') != std::string::npos) text += ", " + pattern;
  }
  return text;
}

}  // namespace

const RecordedResult& only_document(const std::vector<RecordedResult>& documents, const char* kind) {
  if (documents.size() == 1) return documents.front();
  throw Error(ErrorCode::invalid_argument,
              fmt::format("figure {}: expected one document, got {}", kind, documents.size()));
}

std::string matrix_name(const JsonFields& document) {
  std::string name;
  if (document.has("layer")) name = fmt::format("layer {} · ", document.integer("layer", 0, kAnyCount));
  name += document.text("component");
  if (document.has("pruned_by")) name += " · " + document.text("pruned_by");
  if (document.has("sparsity")) name += " · " + sparsity_text(document);
  return name;
}

std::string RecordedNull::text() const { return fmt::format("{} draws of the null model {}", draws, model); }

std::optional<RecordedNull> recorded_null(const JsonFields& document) {
  if (!document.has("null")) return std::nullopt;
  const auto fields = document.object("null");
  RecordedNull null{fields.text("model"), fields.integer("draws", 1, kAnyCount)};
  if (fields.has("m")) null.model += fmt::format(", groups of {}", fields.integer("m", 1, kAnyCount));
  return null;
}

RecordedTest recorded_test(const JsonFields& fields) {
  RecordedTest test{fields.number("mean", -kAnyNumber, kAnyNumber), fields.number("std", 0, kAnyNumber), {}, 1.0};
  if (fields.has("z")) test.z = fields.number("z", -kAnyNumber, kAnyNumber);
  test.p = fields.number(fields.has("p_holm") ? "p_holm" : "p", 0, 1);
  return test;
}

std::string p_text(double p) {
  if (p < 0.001) return "p < 0.001";
  return fmt::format("p = {:.{}f}", p, p < 0.1 ? 3 : 2);
}

std::string chosen_metric(const FigureOptions& options, const std::vector<std::string>& allowed) {
  if (options.metric.empty()) return allowed.front();
  if (std::find(allowed.begin(), allowed.end(), options.metric) != allowed.end()) return options.metric;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("metric: expected {}, got '{}'", fmt::join(allowed, " or "), options.metric));
}

}  // namespace lacuna
