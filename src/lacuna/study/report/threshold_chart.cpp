#include "lacuna/study/report/threshold_chart.hpp"

#include <algorithm>

namespace lacuna {

Chart threshold_chart(const std::vector<ThresholdCurve>& curves, ThresholdAxes axes, const std::string& title,
                      const std::string& subtitle) {
  const bool energy = axes == ThresholdAxes::energy;
  const auto place = [&](const ThresholdPoint& p) {
    return energy ? LinePoint{p.sparsity, p.energy_kept} : LinePoint{p.threshold, p.sparsity};
  };
  LineChart chart;
  chart.title = title;
  chart.subtitle = subtitle;
  chart.x_title = energy ? "share of weights at zero" : "threshold |w|";
  chart.x_format = energy ? ValueFormat::percent : ValueFormat::number;
  chart.y_title = energy ? "energy kept" : "share of weights at or below";
  chart.y_format = ValueFormat::percent;
  chart.y_from_zero = true;
  chart.ordered =
      !curves.empty() && std::ranges::all_of(curves, [](const ThresholdCurve& c) { return c.layer.has_value(); });
  chart.series_title = chart.ordered ? "layer" : "matrix";
  for (const auto& curve : curves) {
    LineSeries series{chart.ordered ? std::to_string(*curve.layer) : curve.component,
                      chart.ordered ? curve.component : "",
                      {place({0.0, 0.0, 1.0})},
                      {place(curve.applied)}};
    for (const auto& point : curve.points) series.points.push_back(place(point));
    chart.series.push_back(std::move(series));
  }
  return line_chart(chart);
}

}  // namespace lacuna
