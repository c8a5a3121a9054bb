// The distances of all pairs: `lacuna pairs --json`.
#include <fmt/format.h>

#include "lacuna/render/structure_charts.hpp"
#include "lacuna/study/figures/figure_parts.hpp"

namespace lacuna {
namespace {

DistanceChart read_distances(const JsonFields& document) {
  DistanceChart chart;
  const auto rows = document.integer("rows", 1, kAnyCount);
  const auto features = document.integer("features", 0, kAnyCount);
  chart.unit = 1.0 / static_cast<double>(rows);
  chart.mean = document.number("mean", 0, 1);
  double before = -1.0;
  for (const auto& point : document.tuples("cdf", 2, 0, 1)) {
    if (!chart.cdf.empty() && (point[0] <= chart.cdf.back().x || point[1] < before)) {
      throw Error(ErrorCode::corrupt_file, fmt::format("cdf[{}]: expected distances and shares that ascend, got {}, {}",
                                                       chart.cdf.size(), point[0], point[1]));
    }
    before = point[1];
    chart.cdf.push_back({point[0], point[1]});
  }
  chart.title = "Distances of all pairs · " + matrix_name(document);
  chart.subtitle = fmt::format("{} features, patterns of {} rows", features, rows);
  const auto null = recorded_null(document);
  if (null && document.object("null").has("cdf_band")) {
    for (const auto& at : document.object("null").tuples("cdf_band", 3, 0, 1))
      chart.band.push_back({at[0], at[1], at[2]});
    chart.band_name = "95 % of random masks";
    chart.subtitle += "; random masks: " + null->text();
  }
  return chart;
}

}  // namespace

Chart distances_figure(const std::vector<RecordedResult>& documents, const FigureOptions& options) {
  DistanceChart chart = read_figure_document(only_document(documents, "distances"), read_distances);
  if (!options.title.empty()) chart.title = options.title;
  return distance_chart(chart);
}

}  // namespace lacuna
