// Thresholds on weights: `lacuna threshold --json`.
#include <fmt/format.h>

#include <filesystem>

#include "lacuna/study/figures/figure_parts.hpp"
#include "lacuna/study/report/threshold_chart.hpp"

namespace lacuna {
namespace {

std::vector<ThresholdPoint> read_points(const JsonFields& matrix) {
  std::vector<ThresholdPoint> points;
  for (const auto& tuple : matrix.tuples("curve", 3, 0, kAnyNumber)) {
    const ThresholdPoint point{tuple[0], tuple[1], tuple[2]};
    const bool ascends =
        points.empty() || (point.sparsity > points.back().sparsity && point.threshold >= points.back().threshold);
    if (!ascends || point.sparsity > 1.0 || point.energy_kept > 1.0) {
      JsonFields::wrong(fmt::format("{}[{}]", matrix.path("curve"), points.size()),
                        "sparsities that ascend, with thresholds, and energies in [0, 1]",
                        {tuple[0], tuple[1], tuple[2]});
    }
    points.push_back(point);
  }
  return points;
}

ThresholdCurve read_curve(const JsonFields& matrix) {
  ThresholdCurve curve;
  if (matrix.has("layer")) curve.layer = static_cast<int>(matrix.integer("layer", 0, 1'000'000));
  curve.component = matrix.text("component");
  curve.applied = {matrix.number("sparsity", 0, 1), matrix.number("threshold", 0, kAnyNumber),
                   matrix.number("energy_kept", 0, 1)};
  curve.points = read_points(matrix);
  return curve;
}

}  // namespace

Chart thresholds_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  const bool energy = chosen_metric(options, {"sparsity", "energy"}) == "energy";
  return read_figure_document(only_document(documents, "thresholds"), [&](const JsonFields& document) {
    std::vector<ThresholdCurve> curves;
    for (const auto& matrix : document.objects("matrices")) curves.push_back(read_curve(matrix));
    const std::string title = energy ? "What thresholds on weights keep" : "Sparsity that thresholds on weights give";
    const auto what = std::filesystem::path(document.text("what")).filename().string();
    return threshold_chart(curves, energy ? ThresholdAxes::energy : ThresholdAxes::sparsity,
                           options.title.empty() ? title : options.title,
                           fmt::format("{}: the stored weights of each matrix; rings: what was applied", what));
  });
}

}  // namespace lacuna
