// A stored analysis as the document that its command printed, as far as the figures of study/figures need it.
#pragma once

#include <optional>
#include <string>

#include "lacuna/study/figures/figures.hpp"
#include "lacuna/study/report/report.hpp"

namespace lacuna {

struct AnalysisFigure {
  std::string kind;  // of draw_figure(): "distances"
  RecordedResult document;
};

// Of `neighbours` of one feature, `gradient`, `pairs`, `groups` beside chance, `tsne`, `cluster` (the sizes); nullopt:
// another command, or nothing that can be drawn.
std::optional<AnalysisFigure> analysis_figure(const StudyModelView& model, const AnalysisResults& results);

// Whether analysis_figure() draws such analyses: then it needs all that was found, not only the statistics.
bool has_figure(const AnalysisRecord& analysis);

}  // namespace lacuna
