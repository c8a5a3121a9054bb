#include "lacuna/study/report/report_thresholds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "lacuna/study/report/threshold_chart.hpp"

namespace lacuna {
namespace {

std::vector<ThresholdCurve> curves_of(const AnalysisResults& results) {
  std::vector<ThresholdCurve> curves;
  for (const auto& w : results.weights) {
    ThresholdCurve curve{
        w.layer < 0 ? std::nullopt : std::optional(w.layer), w.component, {w.sparsity, w.threshold, w.energy_kept}, {}};
    const auto n = std::min({w.curve_sparsity.size(), w.curve_threshold.size(), w.curve_energy.size()});
    for (std::size_t i = 0; i < n; ++i)
      curve.points.push_back({w.curve_sparsity[i], w.curve_threshold[i], w.curve_energy[i]});
    curves.push_back(std::move(curve));
  }
  return curves;
}

Table applied_table(const AnalysisResults& results) {
  Table table;
  table.columns = {{"matrix"},      {"threshold", true},   {"zeros before", true},
                   {"zeros", true}, {"energy kept", true}, {"pattern"}};
  for (const auto& w : results.weights) {
    const auto name = w.layer < 0 ? w.component : fmt::format("{} · {}", w.layer, w.component);
    table.rows.push_back({text_cell(name), number_cell(w.threshold, 6), percent_cell(w.sparsity_before, 2),
                          percent_cell(w.sparsity, 2), percent_cell(w.energy_kept, 2), text_cell(w.pattern)});
  }
  return table;
}

}  // namespace

void add_threshold_section(Page& page, const StudyModelView& model) {
  bool first = true;
  for (const auto& results : model.analyses) {
    if (results.analysis.command != "threshold" || results.weights.empty()) continue;
    if (first) page.subsection("What thresholds on weights give");
    first = false;
    const auto curves = curves_of(results);
    const auto subtitle = fmt::format("{}: the stored weights of each matrix; rings: what was applied",
                                      std::filesystem::path(results.analysis.source).filename().string());
    page.chart(threshold_chart(curves, ThresholdAxes::sparsity, "Sparsity that thresholds on weights give", subtitle));
    page.chart(threshold_chart(curves, ThresholdAxes::energy, "What thresholds on weights keep", subtitle));
    page.table(applied_table(results), "Thresholds applied");
  }
}

}  // namespace lacuna
